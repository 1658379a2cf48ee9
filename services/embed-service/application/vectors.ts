/** What is done to a pooled vector before it leaves. */

function dot(a: Float32Array, b: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
	return sum;
}

/** Keeps the first `dimensions`, then scales to length 1 (Matryoshka's order). */
export function finish(vector: Float32Array, dimensions: number | undefined, normalize: boolean): Float32Array {
	const kept = dimensions === undefined ? vector : vector.subarray(0, dimensions);
	if (!normalize) return kept;
	const norm = Math.sqrt(dot(kept, kept));
	return norm === 0 ? kept : kept.map((value) => value / norm);
}

/** Of vectors of any length; 0 where one is zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
	const norms = Math.sqrt(dot(a, a) * dot(b, b));
	return norms === 0 ? 0 : dot(a, b) / norms;
}
