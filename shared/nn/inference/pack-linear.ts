/** A linear layer's weight in NF4, and what each mode makes of it. */
import { dequantizeAbsmax, dequantizeNf4, quantizeNf4 } from "../../quantization/index.js";
import type { ComputeMode } from "./compute.js";
import { productsSaturate } from "./saturation.js";
import type { PackedTensor } from "./weights.js";

/** NF4's block of elements that share a scale. */
export const NF4_BLOCK = 64;

interface Weight {
	readonly values: Float32Array;
	readonly shape: readonly [number, number];
}

/** Names of the tensors that a packed weight consists of. */
export const codesInput = (path: string): string => `${path}.weight.codes`;
export const scaleInput = (path: string): string => `${path}.weight.scale`;

/** Parts of one product, [N_i,K] each, end to end. @returns the tensors that its mode's kernel takes */
export function packLinear(path: string, parts: readonly Weight[], compute: ComputeMode): PackedTensor[] {
	const packed = parts.map(({ values, shape }) => quantizeNf4(values, shape, { doubleQuant: true }));
	if (compute === "fp32") {
		const codes = joined(
			Uint8Array,
			packed.map(({ codes }) => codes),
		);
		const absmax = joined(Float32Array, packed.map(dequantizeAbsmax));
		return [
			{ input: codesInput(path), dtype: "uint8", dims: [codes.length], data: codes },
			{ input: scaleInput(path), dtype: "float32", dims: [absmax.length], data: absmax },
		];
	}
	const values = joined(Float32Array, packed.map(dequantizeNf4));
	const inFeatures = parts[0]!.shape[1];
	return byOutput(path, values, inFeatures, compute === "int8" && productsSaturate() ? 64 : 127);
}

/** One scale an output. @param range largest code @shape codes [K,N], scale [N] */
function byOutput(path: string, values: Float32Array, k: number, range: number): PackedTensor[] {
	const n = values.length / k;
	const codes = new Int8Array(values.length);
	const scale = new Float32Array(n);
	for (let row = 0; row < n; row++) {
		const from = row * k;
		scale[row] = largest(values, from, from + k) / range || 1;
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

function joined<A extends Uint8Array | Float32Array>(make: new (length: number) => A, parts: readonly A[]): A {
	const all = new make(parts.reduce((sum, part) => sum + part.length, 0));
	let end = 0;
	for (const part of parts) {
		all.set(part as never, end);
		end += part.length;
	}
	return all;
}
