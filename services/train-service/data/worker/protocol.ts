/** What is asked of the thread that reads strangers' files, and what it answers. */
import type { FieldViolation, Reason } from "@dak/shared/errors";
import type { DatasetFile, ReadOptions } from "../formats/index.js";
import type { BaseTokenizer, Outputs, PreparationOptions } from "../prepare/index.js";
import type { DatasetStatistics } from "../statistics/index.js";

export type PreparationRequest =
	| { readonly kind: "inspect"; readonly files: readonly DatasetFile[]; readonly read: ReadOptions }
	| {
			readonly kind: "prepare";
			readonly files: readonly DatasetFile[];
			readonly read: ReadOptions;
			readonly outputs: Outputs;
			readonly options: PreparationOptions;
			readonly base: BaseTokenizer | undefined;
	  };

export type PreparationReply =
	| { readonly kind: "done"; readonly statistics: DatasetStatistics | undefined }
	| {
			readonly kind: "failed";
			readonly reason: Reason;
			readonly message: string;
			readonly fields: readonly FieldViolation[];
			readonly cause: string;
	  };
