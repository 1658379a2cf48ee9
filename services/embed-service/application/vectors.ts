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

/**
 * Texts' vectors from those of their windows: the mean, weighted by the windows' tokens. With mean pooling that is the mean over all
 * tokens' states. @param windows of each text, its ids · @shape vectors [D] each, one a window → [D] each, one a text
 */
export function meanOfWindows(vectors: readonly Float32Array[], windows: readonly (readonly Int32Array[])[]): Float32Array[] {
	let next = 0;
	return windows.map((parts) => {
		const own = vectors.slice(next, next + parts.length);
		next += parts.length;
		if (parts.length === 1) return own[0]!;
		const tokens = parts.reduce((sum, { length }) => sum + length, 0);
		return own[0]!.map((_, d) => own.reduce((sum, vector, i) => sum + vector[d]! * (parts[i]!.length / tokens), 0));
	});
}

/** Of vectors of any length; 0 where one is zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
	const norms = Math.sqrt(dot(a, a) * dot(b, b));
	return norms === 0 ? 0 : dot(a, b) / norms;
}
