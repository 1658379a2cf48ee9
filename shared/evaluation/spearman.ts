/** Spearman's rank correlation, and its intervals over resampled pairs. */
import { Random } from "../random/index.js";
import { type BootstrapOptions, type Interval, intervalOf, ROUNDS } from "./bootstrap.js";

/** Runs of equal values, in rising order, as rows: what ranks are made of. */
interface Order {
	readonly rows: Int32Array;
	/** Where in `rows` each run of equal values ends. */
	readonly ends: readonly number[];
}

function orderOf(values: ArrayLike<number>): Order {
	const rows = Int32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
	const ends: number[] = [];
	for (let i = 1; i <= rows.length; i++) if (i === rows.length || values[rows[i]!] !== values[rows[i - 1]!]) ends.push(i);
	return { rows, ends };
}

/** Ranks where row i is there counts[i] times; equal values share their mean rank. Linear, since the order stays that of the values. */
function ranksOf({ rows, ends }: Order, counts: Float64Array, ranks: Float64Array): void {
	let [at, below] = [0, 0];
	for (const end of ends) {
		let run = 0;
		for (let i = at; i < end; i++) run += counts[rows[i]!]!;
		const rank = below + (run + 1) / 2;
		for (let i = at; i < end; i++) ranks[rows[i]!] = rank;
		below += run;
		at = end;
	}
}

/** Pearson's correlation, row i counted counts[i] times; 0 where one side has no spread. */
function correlation(a: Float64Array, b: Float64Array, counts: Float64Array): number {
	let [n, sumA, sumB] = [0, 0, 0];
	for (let i = 0; i < a.length; i++) {
		n += counts[i]!;
		sumA += counts[i]! * a[i]!;
		sumB += counts[i]! * b[i]!;
	}
	const [meanA, meanB] = [sumA / n, sumB / n];
	let [ab, aa, bb] = [0, 0, 0];
	for (let i = 0; i < a.length; i++) {
		const [x, y] = [a[i]! - meanA, b[i]! - meanB];
		ab += counts[i]! * x * y;
		aa += counts[i]! * x * x;
		bb += counts[i]! * y * y;
	}
	return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Correlates several models' similarities with the same graded pairs, for any weighting of the rows. */
function correlator(gold: ArrayLike<number>, models: readonly ArrayLike<number>[]) {
	const orders = [gold, ...models].map(orderOf);
	const ranks = orders.map(() => new Float64Array(gold.length));
	return (counts: Float64Array): number[] => {
		for (const [i, order] of orders.entries()) ranksOf(order, counts, ranks[i]!);
		return models.map((_, i) => correlation(ranks[0]!, ranks[i + 1]!, counts));
	};
}

/** Spearman's ρ; equal values share their mean rank. */
export const spearman = (a: ArrayLike<number>, b: ArrayLike<number>): number => correlator(a, [b])(new Float64Array(a.length).fill(1))[0]!;

export interface SpearmanIntervals {
	/** ρ of each model. */
	readonly models: readonly Interval[];
	/** ρ of each model less the first's, paired. */
	readonly differences: readonly Interval[];
}

/**
 * Each model's ρ with the grades, and how far chance moves it and its difference from the first model's.
 * @param group of each pair: pairs of one group are drawn together, as pairs that share a sentence must be; by default each is its own
 */
export function spearmanIntervals(
	gold: ArrayLike<number>,
	models: readonly ArrayLike<number>[],
	{ seed = 1, rounds = ROUNDS, group }: BootstrapOptions & { readonly group?: ArrayLike<number> | undefined } = {},
): SpearmanIntervals {
	const n = gold.length;
	const of = correlator(gold, models);
	const whole = of(new Float64Array(n).fill(1));
	const random = new Random(seed);
	const groupOf = Int32Array.from({ length: n }, (_, i) => group?.[i] ?? i);
	const groups = groupOf.reduce((most, value) => Math.max(most, value), -1) + 1;
	const drawn = new Float64Array(groups);
	const counts = new Float64Array(n);
	const resampled = models.map(() => new Float64Array(rounds));
	for (let round = 0; round < rounds; round++) {
		drawn.fill(0);
		for (let i = 0; i < groups; i++) drawn[random.below(groups)]!++;
		for (let i = 0; i < n; i++) counts[i] = drawn[groupOf[i]!]!;
		for (const [at, rho] of of(counts).entries()) resampled[at]![round] = rho;
	}
	const differences = resampled.map((values, at) =>
		intervalOf(
			whole[at]! - whole[0]!,
			values.map((rho, round) => rho - resampled[0]![round]!),
		),
	);
	return { models: resampled.map((values, at) => intervalOf(whole[at]!, values.slice())), differences };
}
