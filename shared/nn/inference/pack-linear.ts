/** What each mode makes of a linear layer's 4-bit weight. */
import type { ComputeMode } from "./compute.js";
import { type Nf4Linear, unpackNf4 } from "./nf4-linears.js";
import { productsSaturate } from "./saturation.js";
import type { PackedTensor } from "./weights.js";

/** Names of the tensors that a packed weight consists of. */
export const codesInput = (path: string): string => `${path}.weight.codes`;
export const scaleInput = (path: string): string => `${path}.weight.scale`;

/** @returns the tensors that the mode's kernel takes */
export function packLinear(layer: Nf4Linear, compute: ComputeMode): PackedTensor[] {
	if (compute !== "fp32") return packEightBit(layer.path, unpackNf4(layer), layer.inFeatures, compute);
	const { path, codes, absmax } = layer;
	return [
		{ input: codesInput(path), dtype: "uint8", dims: [codes.length], data: codes },
		{ input: scaleInput(path), dtype: "float32", dims: [absmax.length], data: absmax },
	];
}

/** A weight in 8 bits, a scale an output. @shape values [N,K], codes [K,N], scale [N] */
export function packEightBit(path: string, values: Float32Array, k: number, compute: Exclude<ComputeMode, "fp32">): PackedTensor[] {
	const largestCode = compute === "int8" && productsSaturate() ? 64 : 127;
	const n = values.length / k;
	const codes = new Int8Array(values.length);
	const scale = new Float32Array(n);
	for (let row = 0; row < n; row++) {
		const from = row * k;
		scale[row] = largest(values, from, from + k) / largestCode || 1;
		for (let i = 0; i < k; i++) codes[i * n + row] = Math.round(values[from + i]! / scale[row]!);
	}
	return [
		{ input: codesInput(path), dtype: "int8", dims: [k, n], data: codes, fixed: true },
		{ input: scaleInput(path), dtype: "float32", dims: [n], data: scale, fixed: true },
	];
}

function largest(values: Float32Array, from: number, to: number): number {
	let most = 0;
	for (let i = from; i < to; i++) most = Math.max(most, Math.abs(values[i]!));
	return most;
}
