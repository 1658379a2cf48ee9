/** Whitening, wholly or a part of the way, as a linear map that is fitted to a corpus' vectors. */
import { dotOf, rowOf, unitVectors, type Vectors } from "@dak/shared/evaluation";
import { Eigenbasis, FEWEST_TEXTS_TO_FIT, type LinearMap } from "./free-baselines.js";

/**
 * Fits the map that multiplies by the covariance to the power −share/2: 1 makes all directions equally wide, 0 only centres.
 * @returns undefined for too few vectors to have a covariance · @param vectors of length 1
 */
export function whitening(vectors: Vectors, share: number): LinearMap | undefined {
	return vectors.count < FEWEST_TEXTS_TO_FIT ? undefined : Eigenbasis.of(vectors).map(-share / 2);
}

/** Vectors of length 1 through a map, to length 1 again. */
export function throughMap(vectors: Vectors, { mean, matrix }: LinearMap): Vectors {
	const { count, dimension } = vectors;
	const data = new Float32Array(vectors.data.length);
	const centred = new Float32Array(dimension);
	for (let i = 0; i < count; i++) {
		const row = rowOf(vectors, i);
		for (let k = 0; k < dimension; k++) centred[k] = row[k]! - mean[k]!;
		for (let n = 0; n < dimension; n++) data[i * dimension + n] = dotOf(centred, matrix, n * dimension);
	}
	return unitVectors(data, dimension);
}

/** The same map as W·v + b. */
export function denseOf({ mean, matrix }: LinearMap) {
	const dimension = mean.length;
	const bias = Float32Array.from(mean, (_, n) => -dotOf(mean, matrix, n * dimension));
	return { inFeatures: dimension, outFeatures: dimension, weight: matrix, bias };
}
