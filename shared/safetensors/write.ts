import { writeFileSync } from "node:fs";
import { assert } from "../errors/index.js";
import { DTYPE_BYTES } from "./header.js";
import type { TensorData } from "./types.js";

const LAYOUT_ORDER = Object.keys(DTYPE_BYTES);

/** Wide types first, so that each tensor lies aligned; then by name. @source safetensors, prepare */
function inFileOrder(tensors: Readonly<Record<string, TensorShape>>): string[] {
	const rank = (name: string) => LAYOUT_ORDER.indexOf(tensors[name]!.dtype);
	return Object.keys(tensors).sort((a, b) => rank(b) - rank(a) || Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** A tensor without its elements. */
export type TensorShape = Pick<TensorData, "dtype" | "shape">;

/** A file's header, and the order in which the tensors' elements follow it: for files that are written a tensor at a time. */
export function safetensorsHeader(
	tensors: Readonly<Record<string, TensorShape>>,
	metadata: Readonly<Record<string, string>> = { format: "pt" },
): { readonly header: Uint8Array; readonly names: readonly string[] } {
	const names = inFileOrder(tensors);
	const entries: [string, unknown][] = [["__metadata__", metadata]];
	let at = 0;
	for (const name of names) {
		const { dtype, shape } = tensors[name]!;
		const size = tensorBytes(tensors[name]!);
		assert(name !== "__metadata__", "a tensor called __metadata__");
		entries.push([name, { dtype, shape, data_offsets: [at, at + size] }]);
		at += size;
	}
	const json = new TextEncoder().encode(headerJson(entries));
	const headerBytes = Math.ceil(json.length / 8) * 8;
	const header = new Uint8Array(8 + headerBytes);
	new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true);
	header.fill(0x20, 8);
	header.set(json, 8);
	return { header, names };
}

const tensorBytes = ({ dtype, shape }: TensorShape): number => shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype]);

/**
 * A safetensors file's pieces in order, its header and then each tensor's own bytes (viewed, not copied): byte for byte as
 * Python's library writes them (with at most one metadata key: the library writes several in an order of chance).
 */
export function safetensorsPieces(
	tensors: Readonly<Record<string, TensorData>>,
	metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
	for (const [name, { data, dtype, shape }] of Object.entries(tensors))
		assert(data.byteLength === tensorBytes(tensors[name]!), `tensor ${name}: ${data.byteLength} bytes as ${dtype} [${shape}]`);
	const { header, names } = safetensorsHeader(tensors, metadata);
	return [header, ...names.map((name) => tensors[name]!.data)];
}

/** The same in one piece. */
export function encodeSafetensors(tensors: Readonly<Record<string, TensorData>>, metadata?: Readonly<Record<string, string>>): Uint8Array {
	const pieces = safetensorsPieces(tensors, metadata);
	const file = new Uint8Array(pieces.reduce((n, piece) => n + piece.byteLength, 0));
	let offset = 0;
	for (const piece of pieces) {
		file.set(piece, offset);
		offset += piece.byteLength;
	}
	return file;
}

/** Written by hand: an object would move names that are numbers to its front. */
const headerJson = (entries: readonly [string, unknown][]): string =>
	`{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(",")}}`;

export function writeSafetensors(
	path: string,
	tensors: Readonly<Record<string, TensorData>>,
	metadata?: Readonly<Record<string, string>>,
): void {
	writeFileSync(path, encodeSafetensors(tensors, metadata));
}

/** fp32 values as a tensor; viewed, not copied. */
export function float32Tensor(values: Float32Array, shape: readonly number[]): TensorData {
	return { dtype: "F32", shape, data: new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength) };
}
