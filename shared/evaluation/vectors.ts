/** Sets of vectors as one row-major array. */
import { assert } from "../errors/index.js";

export interface Vectors {
	readonly count: number;
	readonly dimension: number;
	/** @shape [count, dimension] */
	readonly data: Float32Array;
}

/** Views an array as vectors scaled to length 1, in place. */
export function unitVectors(data: Float32Array, dimension: number): Vectors {
	assert(data.length % dimension === 0, `${data.length} elements are no rows of ${dimension}`);
	const count = data.length / dimension;
	for (let row = 0; row < count; row++) {
		const vector = data.subarray(row * dimension, (row + 1) * dimension);
		const norm = Math.sqrt(dotOf(vector, vector));
		if (norm > 0) for (let i = 0; i < dimension; i++) vector[i]! /= norm;
	}
	return { count, dimension, data };
}

export const rowOf = ({ data, dimension }: Vectors, row: number): Float32Array => data.subarray(row * dimension, (row + 1) * dimension);

/** Some of the rows, copied. */
export function rowsOf(vectors: Vectors, rows: readonly number[]): Vectors {
	const data = new Float32Array(rows.length * vectors.dimension);
	for (const [at, row] of rows.entries()) data.set(rowOf(vectors, row), at * vectors.dimension);
	return { count: rows.length, dimension: vectors.dimension, data };
}

/** Cosines of the unit vectors a[i] and b[i]. */
export function cosinesOf(a: Vectors, b: Vectors): Float64Array {
	return Float64Array.from({ length: a.count }, (_, i) => dotOf(rowOf(a, i), b.data, i * b.dimension));
}

/** Product of a vector with the elements of `b` from `at`. Four sums at once: one would wait for itself at every addition. */
export function dotOf(a: Float32Array, b: Float32Array, at = 0): number {
	let [s0, s1, s2, s3] = [0, 0, 0, 0];
	const whole = a.length - (a.length % 4);
	for (let i = 0; i < whole; i += 4) {
		s0 += a[i]! * b[at + i]!;
		s1 += a[i + 1]! * b[at + i + 1]!;
		s2 += a[i + 2]! * b[at + i + 2]!;
		s3 += a[i + 3]! * b[at + i + 3]!;
	}
	for (let i = whole; i < a.length; i++) s0 += a[i]! * b[at + i]!;
	return s0 + s1 + s2 + s3;
}

/** Rows of `corpus` nearest to a query by cosine, best first; equal scores in the corpus' order. */
export function nearest(
	query: Float32Array,
	corpus: Vectors,
	k: number,
	skip?: number,
): { readonly index: number; readonly score: number }[] {
	const best: { index: number; score: number }[] = [];
	for (let index = 0; index < corpus.count; index++) {
		if (index === skip) continue;
		const score = dotOf(query, corpus.data, index * corpus.dimension);
		if (best.length === k && score <= best[k - 1]!.score) continue;
		let at = best.length;
		while (at > 0 && best[at - 1]!.score < score) at--;
		best.splice(at, 0, { index, score });
		if (best.length > k) best.pop();
	}
	return best;
}
