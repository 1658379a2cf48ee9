/**
 * What costs no training, for an adapter to be held against: the base's own vectors, centred, and multiplied by a power of their
 * covariance. An eigenbasis is found once; in it a power is one factor a dimension.
 */
import { dotOf, rowOf, unitVectors, type Vectors } from "@dak/shared/evaluation";
// Tridiagonal reduction and implicit QL on 384 × 384 in well under a second: no reason to write one's own.
import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** Power of the covariance by name. */
export const FREE_BASELINES = { centred: 0, quarter_whitened: -1 / 8, half_whitened: -1 / 4 } as const;
export type FreeBaseline = keyof typeof FREE_BASELINES;

export const FREE_BASELINE_NAMES = Object.keys(FREE_BASELINES) as FreeBaseline[];

/** Fewer texts have a covariance of little but noise. */
export const FEWEST_TEXTS_TO_FIT = 64;

/** Least variance of a direction, as a share of the mean: one that the texts do not have would be blown up without bounds. */
const FLOOR = 1e-3;

/** v ↦ matrix · (v − mean), of vectors of length 1. */
export interface LinearMap {
	/** @shape [dimension] */
	readonly mean: Float32Array;
	/** @shape [dimension, dimension], an output a row */
	readonly matrix: Float32Array;
}

/** Mean and principal axes of a set of vectors. */
export class Eigenbasis {
	private constructor(
		private readonly mean: Float64Array,
		/** @shape [dimension, dimension], an axis a row, least variance first */
		private readonly axes: Float32Array,
		private readonly variances: Float64Array,
	) {}

	static of(vectors: Vectors): Eigenbasis {
		const { count, dimension } = vectors;
		const mean = new Float64Array(dimension);
		for (let i = 0; i < count; i++) for (const [k, value] of rowOf(vectors, i).entries()) mean[k]! += value / count;
		const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance(vectors, mean), { assumeSymmetric: true });
		const axes = new Float32Array(dimension * dimension);
		for (let axis = 0; axis < dimension; axis++)
			for (let k = 0; k < dimension; k++) axes[axis * dimension + k] = eigenvectorMatrix.get(k, axis);
		return new Eigenbasis(mean, axes, Float64Array.from(realEigenvalues));
	}

	/** Coordinates along the axes, from the mean; not of length 1. */
	rotate(vectors: Vectors): Vectors {
		const { count, dimension } = vectors;
		const data = new Float32Array(count * dimension);
		const centred = new Float32Array(dimension);
		for (let i = 0; i < count; i++) {
			const row = rowOf(vectors, i);
			for (let k = 0; k < dimension; k++) centred[k] = row[k]! - this.mean[k]!;
			for (let axis = 0; axis < dimension; axis++) data[i * dimension + axis] = dotOf(centred, this.axes, axis * dimension);
		}
		return { count, dimension, data };
	}

	/** Rotated vectors times the covariance to a power, of length 1. */
	scaled(rotated: Vectors, power: number): Vectors {
		const factors = this.#factors(power);
		const data = rotated.data.map((value, at) => value * factors[at % rotated.dimension]!);
		return unitVectors(data, rotated.dimension);
	}

	#factors(power: number): Float64Array {
		const least = FLOOR * (this.variances.reduce((a, b) => a + b, 0) / this.variances.length);
		return this.variances.map((variance) => Math.max(variance, least) ** power);
	}

	/** Centres, and multiplies by the covariance to a power, in the vectors' own coordinates. */
	map(power: number): LinearMap {
		const dimension = this.variances.length;
		const factors = this.#factors(power);
		const matrix = new Float32Array(dimension * dimension);
		// Σ over axes: factor · axis · axisᵀ, which is symmetric.
		for (let axis = 0; axis < dimension; axis++) {
			const own = this.axes.subarray(axis * dimension, (axis + 1) * dimension);
			for (let n = 0; n < dimension; n++) {
				const scaled = factors[axis]! * own[n]!;
				for (let k = 0; k < dimension; k++) matrix[n * dimension + k]! += scaled * own[k]!;
			}
		}
		return { mean: Float32Array.from(this.mean), matrix };
	}

	/** Shares of the variance of the two widest axes. */
	get widest(): readonly [number, number] {
		const total = this.variances.reduce((a, b) => a + b, 0);
		return [this.variances.at(-1)! / total, (this.variances.at(-2) ?? 0) / total];
	}
}

function covariance(vectors: Vectors, mean: Float64Array): Matrix {
	const { count, dimension } = vectors;
	const sums = new Float64Array(dimension * dimension);
	const centred = new Float64Array(dimension);
	for (let i = 0; i < count; i++) {
		const row = rowOf(vectors, i);
		for (let k = 0; k < dimension; k++) centred[k] = row[k]! - mean[k]!;
		for (let a = 0; a < dimension; a++) {
			const value = centred[a]! / count;
			for (let b = a; b < dimension; b++) sums[a * dimension + b]! += value * centred[b]!;
		}
	}
	const matrix = Matrix.zeros(dimension, dimension);
	for (let a = 0; a < dimension; a++)
		for (let b = a; b < dimension; b++) {
			matrix.set(a, b, sums[a * dimension + b]!);
			matrix.set(b, a, sums[a * dimension + b]!);
		}
	return matrix;
}
