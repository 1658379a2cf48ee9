import type { Pooling } from "../../models/index.js";

/**
 * Each text's vector from its tokens' states. Adds up in an order that depends on nothing but the text.
 * @shape states [T,D] → [B,D]
 */
export function poolStates(states: Float32Array, lengths: readonly number[], dimension: number, pooling: Pooling): Float32Array {
	const vectors = new Float32Array(lengths.length * dimension);
	let start = 0;
	lengths.forEach((length, text) => {
		const vector = vectors.subarray(text * dimension, (text + 1) * dimension);
		const rows = pooling === "mean" ? length : 1;
		const first = pooling === "lasttoken" ? start + length - 1 : start;
		for (let row = first; row < first + rows; row++) for (let d = 0; d < dimension; d++) vector[d]! += states[row * dimension + d]!;
		for (let d = 0; d < dimension; d++) vector[d]! /= rows;
		start += length;
	});
	return vectors;
}
