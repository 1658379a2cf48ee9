import { randomBytes } from "node:crypto";
import { DakError } from "@dak/shared/errors";

declare const kind: unique symbol;
/** An id of a job; `parseJobId` makes one of a stranger's text. */
export type JobId = string & { readonly [kind]: "job" };
export type DatasetId = string & { readonly [kind]: "dataset" };

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const JOB_ID = /^job_[0-9a-z]{20}$/;
let last = 0;

/** 10 characters of milliseconds, later than any before, and 10 random ones (Crockford's base 32): sorts by time of creation. */
function sortable(): string {
	last = Math.max(Date.now(), last + 1);
	let time = "";
	for (let rest = last, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
	return time + Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join("");
}

/** Ids that are made from now on sort after this one, also where the clock was set back since it was made. */
export function idsFollow(id: string): void {
	const time = id.slice(id.indexOf("_") + 1).slice(0, 10);
	last = Math.max(
		last,
		[...time].reduce((sum, digit) => sum * 32 + ALPHABET.indexOf(digit), 0),
	);
}

export const newJobId = (): JobId => `job_${sortable()}` as JobId;
export const newDatasetId = (): DatasetId => `ds_${sortable()}` as DatasetId;

const DATASET_ID = /^ds_[0-9a-z]{20}$/;

export const isDatasetId = (text: string): text is DatasetId => DATASET_ID.test(text);
export const isJobId = (text: string): text is JobId => JOB_ID.test(text);

export const jobNotFound = (id: string): DakError => new DakError("JOB_NOT_FOUND", `job ${JSON.stringify(id.slice(0, 64))} does not exist`);

/** @throws JOB_NOT_FOUND for what no job's id looks like */
export function parseJobId(text: string): JobId {
	if (!isJobId(text)) throw jobNotFound(text);
	return text;
}
