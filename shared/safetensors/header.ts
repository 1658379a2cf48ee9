/** The header of a safetensors file, checked whole before anything is allocated by what it claims. */
import { DakError } from "../errors/index.js";
import type { SafetensorsDtype, TensorInfo } from "./types.js";

/** In the order in which the format's own library lays tensors out in a file: the last first. @source safetensors, Dtype */
export const DTYPE_BYTES: Readonly<Record<SafetensorsDtype, number>> = {
	BOOL: 1,
	U8: 1,
	I8: 1,
	F8_E5M2: 1,
	F8_E4M3: 1,
	I16: 2,
	U16: 2,
	F16: 2,
	BF16: 2,
	I32: 4,
	U32: 4,
	F32: 4,
	F64: 8,
	I64: 8,
	U64: 8,
};

/** The format's own limit. @source safetensors, MAX_HEADER_SIZE */
export const MAX_HEADER_BYTES = 100_000_000;

export interface Header {
	readonly metadata: Readonly<Record<string, string>>;
	readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** Parses a header's JSON. `dataBytes`: length of the section behind it. @throws INVALID_MODEL naming file and tensor */
export function parseHeader(file: string, json: Uint8Array, dataBytes: number): Header {
	const fail = (what: string): never => {
		throw new DakError("INVALID_MODEL", `${file}: ${what}`);
	};
	let parsed: unknown;
	try {
		parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
	} catch {
		fail("the header is no JSON");
	}
	if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return fail("the header is no JSON object");
	const tensors = new Map<string, TensorInfo>();
	let metadata: Record<string, string> = {};
	for (const [name, entry] of Object.entries(parsed)) {
		if (name === "__metadata__") metadata = readMetadata(entry, fail);
		else tensors.set(name, readTensor(name, entry, fail));
	}
	checkRanges(tensors, dataBytes, fail);
	return { metadata, tensors };
}

type Fail = (what: string) => never;

/** A value from the header, short enough for a message. JSON.stringify recurses, so a deeply nested value can be too much for it. */
function shown(value: unknown): string {
	let text: string | undefined;
	try {
		text = JSON.stringify(value);
	} catch {
		text = "a deeply nested value";
	}
	return text === undefined ? "nothing" : shorten(text);
}

const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

function readMetadata(entry: unknown, fail: Fail): Record<string, string> {
	const isMap = typeof entry === "object" && entry !== null && Object.values(entry).every((value) => typeof value === "string");
	return isMap ? { ...(entry as Record<string, string>) } : fail("__metadata__ is no map of strings");
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function readTensor(name: string, entry: unknown, fail: Fail): TensorInfo {
	const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
	if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype))
		return fail(`tensor ${shorten(name)}: dtype ${shown(dtype)}, allowed: ${Object.keys(DTYPE_BYTES).join(", ")}`);
	if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isCount))
		return fail(`tensor ${shorten(name)}: shape ${shown(shape)}, allowed: up to 8 whole numbers`);
	if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
		return fail(`tensor ${shorten(name)}: data_offsets ${shown(offsets)}, allowed: [start, end]`);
	const size = shape.reduce((n: number, d: number) => n * d, DTYPE_BYTES[dtype as SafetensorsDtype]);
	const [start, end] = offsets as [number, number];
	if (end - start !== size) return fail(`tensor ${shorten(name)}: ${end - start} bytes, its dtype and shape need ${size}`);
	return { dtype: dtype as SafetensorsDtype, shape, offsets: [start, end] };
}

/** Tensors lie end to end and fill the data section, as the format demands: a file cut short is found here. */
function checkRanges(tensors: ReadonlyMap<string, TensorInfo>, dataBytes: number, fail: Fail): void {
	let at = 0;
	for (const [name, { offsets }] of [...tensors].sort(([, a], [, b]) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1])) {
		if (offsets[0] !== at) fail(`tensor ${shorten(name)}: begins at byte ${offsets[0]}, the one before ends at ${at}`);
		at = offsets[1];
	}
	if (at !== dataBytes) fail(`the tensors need ${at} bytes, the file has ${dataBytes}`);
}
