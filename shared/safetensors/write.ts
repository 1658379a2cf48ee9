import { writeFileSync } from "node:fs";
import { assert } from "../errors/index.js";
import { DTYPE_BYTES } from "./header.js";
import type { TensorData } from "./types.js";

const LAYOUT_ORDER = Object.keys(DTYPE_BYTES);

/** Wide types first, so that each tensor lies aligned; then by name. @source safetensors, prepare */
function inFileOrder(tensors: Readonly<Record<string, TensorData>>): string[] {
	const rank = (name: string) => LAYOUT_ORDER.indexOf(tensors[name]!.dtype);
	return Object.keys(tensors).sort((a, b) => rank(b) - rank(a) || Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/**
 * A safetensors file's pieces in order, its header and then each tensor's own bytes (viewed, not copied): byte for byte as
 * Python's library writes them (with at most one metadata key: the library writes several in an order of chance).
 */
export function safetensorsPieces(
	tensors: Readonly<Record<string, TensorData>>,
	metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array[] {
	const names = inFileOrder(tensors);
	const entries: [string, unknown][] = [["__metadata__", metadata]];
	let at = 0;
	for (const name of names) {
		const { dtype, shape, data } = tensors[name]!;
		const size = shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype]);
		assert(data.byteLength === size && name !== "__metadata__", `tensor ${name}: ${data.byteLength} bytes as ${dtype} [${shape}]`);
		entries.push([name, { dtype, shape, data_offsets: [at, at + size] }]);
		at += data.byteLength;
	}
	const json = new TextEncoder().encode(headerJson(entries));
	const headerBytes = Math.ceil(json.length / 8) * 8;
	const header = new Uint8Array(8 + headerBytes);
	new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true);
	header.fill(0x20, 8);
	header.set(json, 8);
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
