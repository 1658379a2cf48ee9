/** How far chance alone moves a mean: resampling of the items that it is over. */
import { assert } from "../errors/index.js";
import { Random } from "../random/index.js";

export interface Interval {
	readonly mean: number;
	/** 2.5 % and 97.5 % quantiles of the resampled means. */
	readonly ci95: readonly [number, number];
}

export interface BootstrapOptions {
	readonly seed?: number;
	readonly rounds?: number;
}

export const ROUNDS = 1000;

/** The quantile of sorted values, between neighbours in proportion (numpy's default). */
export function quantile(sorted: Float64Array, q: number): number {
	const at = q * (sorted.length - 1);
	const low = Math.floor(at);
	return sorted[low]! + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)]! - sorted[low]!);
}

/** The interval of resampled values; sorts them in place. */
export function intervalOf(mean: number, resampled: Float64Array): Interval {
	resampled.sort();
	return { mean, ci95: [quantile(resampled, 0.025), quantile(resampled, 0.975)] };
}

/**
 * Intervals of several columns' means, each round's draw of rows being the same for all of them: so they are paired.
 * @param columns values by row, all of one length
 */
export function bootstrapMeans(columns: readonly ArrayLike<number>[], { seed = 1, rounds = ROUNDS }: BootstrapOptions = {}): Interval[] {
	const random = new Random(seed);
	const n = columns[0]?.length ?? 0;
	assert(n > 0 && columns.every((column) => column.length === n), "columns of one length, not empty");
	const means = columns.map(() => new Float64Array(rounds));
	const rows = new Int32Array(n);
	for (let round = 0; round < rounds; round++) {
		for (let i = 0; i < n; i++) rows[i] = random.below(n);
		for (const [at, column] of columns.entries()) {
			let sum = 0;
			for (let i = 0; i < n; i++) sum += column[rows[i]!]!;
			means[at]![round] = sum / n;
		}
	}
	return columns.map((column, at) => intervalOf(meanOf(column), means[at]!));
}

export function meanOf(values: ArrayLike<number>): number {
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += values[i]!;
	return sum / values.length;
}

/** Paired bootstrap: the mean of per-query differences and how far chance alone moves it. */
export const pairedBootstrap = (differences: readonly number[], options: BootstrapOptions = {}): Interval =>
	bootstrapMeans([differences], options)[0]!;
