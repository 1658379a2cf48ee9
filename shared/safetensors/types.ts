/** Element types of the safetensors format that this project reads. */
export type SafetensorsDtype =
	| "F64"
	| "F32"
	| "F16"
	| "BF16"
	| "F8_E4M3"
	| "F8_E5M2"
	| "I64"
	| "I32"
	| "I16"
	| "I8"
	| "U64"
	| "U32"
	| "U16"
	| "U8"
	| "BOOL";

export interface TensorInfo {
	readonly dtype: SafetensorsDtype;
	readonly shape: readonly number[];
	/** Byte range in the data section. */
	readonly offsets: readonly [start: number, end: number];
}

export interface TensorData {
	readonly dtype: SafetensorsDtype;
	readonly shape: readonly number[];
	/** Little-endian bytes, row-major. */
	readonly data: Uint8Array;
}

/** An open file; tensors are read when asked for, so that fp32 copies never live all at once. */
export interface SafetensorsFile {
	readonly metadata: Readonly<Record<string, string>>;
	readonly tensors: ReadonlyMap<string, TensorInfo>;
	/** @throws INVALID_MODEL if there is no such tensor. */
	bytes(name: string): TensorData;
	/** F32, F16 and BF16 as fp32. @throws INVALID_MODEL for another dtype or name. */
	float32(name: string): Float32Array;
	/**
	 * Rows of a matrix as fp32, in the order asked for; only these are read from the file.
	 * @shape [N,D] → [rows.length,D] · @throws INVALID_MODEL as float32 does, and for a row that is not there
	 */
	rows(name: string, rows: ArrayLike<number>): Float32Array;
	close(): void;
}
