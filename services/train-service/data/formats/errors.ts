import { DakError } from "@dak/shared/errors";

export const invalidData = (detail: string): DakError =>
	new DakError("INVALID_DATASET", `/dataset: ${detail}`, { fields: [{ pointer: "/dataset", detail }] });
