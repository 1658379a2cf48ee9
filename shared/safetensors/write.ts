import { writeFileSync } from "node:fs";
import type { TensorData } from "./types.js";

/** A safetensors file's bytes; tensors sorted by name, the header padded to 8 bytes with spaces, as Python's library has it. */
export function encodeSafetensors(
	tensors: Readonly<Record<string, TensorData>>,
	metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array {
	const names = Object.keys(tensors).sort();
	const header: Record<string, unknown> = { __metadata__: metadata };
	let at = 0;
	for (const name of names) {
		const { dtype, shape, data } = tensors[name]!;
		header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
		at += data.byteLength;
	}
	const json = new TextEncoder().encode(JSON.stringify(header));
	const headerBytes = Math.ceil(json.length / 8) * 8;
	const file = new Uint8Array(8 + headerBytes + at);
	new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
	file.fill(0x20, 8, 8 + headerBytes);
	file.set(json, 8);
	let offset = 8 + headerBytes;
	for (const name of names) {
		file.set(tensors[name]!.data, offset);
		offset += tensors[name]!.data.byteLength;
	}
	return file;
}

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
