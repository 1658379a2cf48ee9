/** Hubs: texts that are among the nearest of far more others than chance would have. */
import { nearest, rowOf, type Vectors } from "@dak/shared/evaluation";

export const HUBNESS_NEIGHBOURS = 10;

/**
 * Skewness of how often each text is among the k nearest of another: 0 where all are alike, above 1 where some are everybody's.
 * @source Radovanović et al., Hubs in Space (2010); the skewness is scipy.stats.skew's
 */
export function hubness(vectors: Vectors, k = HUBNESS_NEIGHBOURS): number {
	const occurrence = new Float64Array(vectors.count);
	for (let i = 0; i < vectors.count; i++) for (const { index } of nearest(rowOf(vectors, i), vectors, k, i)) occurrence[index]!++;
	const mean = occurrence.reduce((a, b) => a + b, 0) / vectors.count;
	const moment = (power: number) => occurrence.reduce((sum, count) => sum + (count - mean) ** power, 0) / vectors.count;
	const variance = moment(2);
	return variance > 0 ? moment(3) / variance ** 1.5 : 0;
}
