/**
 * What can be said without labels: how far the adapted vectors have moved from the base's. These are checks of sanity, and
 * say nothing about retrieval.
 */
import { dotOf, meanOf, rowOf, type Vectors } from "@dak/shared/evaluation";

export interface Drift {
	/** Correlation of all pairwise cosines, adapted against base: 1 where nothing has moved. */
	readonly similarityCorrelation: number;
	/** Mean cosine of two different texts (anisotropy). */
	readonly meanCosine: { readonly base: number; readonly adapted: number };
	/** All texts have become nearly one point. */
	readonly collapsed: boolean;
}

/** Cosines of every two of the unit vectors. */
export function pairwise(vectors: Vectors): Float64Array {
	const { count, dimension, data } = vectors;
	const cosines = new Float64Array((count * (count - 1)) / 2);
	let at = 0;
	for (let i = 0; i < count; i++) {
		const row = rowOf(vectors, i);
		for (let j = i + 1; j < count; j++) cosines[at++] = dotOf(row, data, j * dimension);
	}
	return cosines;
}

function correlation(a: Float64Array, b: Float64Array): number {
	const [meanA, meanB] = [meanOf(a), meanOf(b)];
	let [ab, aa, bb] = [0, 0, 0];
	for (let i = 0; i < a.length; i++) {
		const [x, y] = [a[i]! - meanA, b[i]! - meanB];
		ab += x * y;
		aa += x * x;
		bb += y * y;
	}
	// No spread to correlate (two texts, or all alike): nothing has moved, or it cannot be told how far.
	if (aa === 0 || bb === 0) return a.every((value, i) => value === b[i]) ? 1 : 0;
	return ab / Math.sqrt(aa * bb);
}

/** Compares both models' unit vectors of the same texts. */
export function driftOf(base: Vectors, adapted: Vectors): Drift {
	const [before, after] = [pairwise(base), pairwise(adapted)];
	const meanCosine = { base: meanOf(before), adapted: meanOf(after) };
	return { similarityCorrelation: correlation(before, after), meanCosine, collapsed: meanCosine.adapted > 0.98 };
}
