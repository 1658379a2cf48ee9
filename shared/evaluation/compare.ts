/** Two models over the same labels: every metric of both, with intervals, in the names of the JSON that users read. */
import { bootstrapMeans, type Interval } from "./bootstrap.js";
import { type ItemScores, RETRIEVAL_METRICS, type RetrievalMetric } from "./retrieval.js";
import { type SpearmanIntervals, spearmanIntervals } from "./spearman.js";

type Ends = readonly [number, number];

/** A difference from the base and its 95 % interval. */
export interface Gain {
	readonly gain: number;
	readonly ci95: Ends;
}

/** One model's score beside the base's, on the metric that the verdict is of. */
export interface Contender extends Gain {
	readonly score: number;
}

export interface Comparison extends Gain {
	/** The metric that gain, interval and verdict are of. */
	readonly metric: string;
	/** How many queries, texts or pairs were drawn from. */
	readonly items: number;
	readonly base: Readonly<Record<string, number>>;
	readonly adapted: Readonly<Record<string, number>>;
	/** Adapted less base, of every metric, paired. */
	readonly differences: Readonly<Record<string, Gain>>;
	/** Of the scores themselves. */
	readonly intervals: { readonly base: Readonly<Record<string, Ends>>; readonly adapted: Readonly<Record<string, Ends>> };
}

export const rounded = (value: number): number => Number(value.toFixed(5));
const ends = ({ ci95: [low, high] }: Interval): Ends => [rounded(low), rounded(high)];
const gainOf = (interval: Interval): Gain => ({ gain: rounded(interval.mean), ci95: ends(interval) });

function comparison(metric: string, items: number, base: Column[], adapted: Column[], differences: Column[]): Comparison {
	const record = <T>(columns: Column[], value: (interval: Interval) => T) =>
		Object.fromEntries(columns.map(([name, interval]) => [name, value(interval)]));
	const gains = record(differences, gainOf);
	return {
		metric,
		items,
		base: record(base, ({ mean }) => rounded(mean)),
		adapted: record(adapted, ({ mean }) => rounded(mean)),
		...gains[metric]!,
		differences: gains,
		intervals: { base: record(base, ends), adapted: record(adapted, ends) },
	};
}

type Column = readonly [name: string, interval: Interval];

const difference = (to: Float64Array, from: Float64Array): Float64Array => to.map((value, i) => value - from[i]!);

/** Compares what both models found for the same queries. */
export function compareRetrieval(metric: RetrievalMetric, base: ItemScores, adapted: ItemScores): Comparison {
	const count = RETRIEVAL_METRICS.length;
	const intervals = bootstrapMeans([
		...RETRIEVAL_METRICS.map((name) => base[name]),
		...RETRIEVAL_METRICS.map((name) => adapted[name]),
		...RETRIEVAL_METRICS.map((name) => difference(adapted[name], base[name])),
	]);
	const [before, after, gained] = [0, 1, 2].map((part) =>
		RETRIEVAL_METRICS.map((name, i): Column => [name, intervals[part * count + i]!]),
	) as [Column[], Column[], Column[]];
	return comparison(metric, base[metric].length, before, after, gained);
}

/** Compares both models' similarities with the grades of the same pairs. `group`: see spearmanIntervals. */
export function compareSimilarities(
	gold: ArrayLike<number>,
	base: ArrayLike<number>,
	adapted: ArrayLike<number>,
	group?: ArrayLike<number>,
): Comparison {
	const { models, differences }: SpearmanIntervals = spearmanIntervals(gold, [base, adapted], { group });
	const column = (interval: Interval | undefined): Column[] => [["spearman", interval!]];
	return comparison("spearman", gold.length, column(models[0]), column(models[1]), column(differences[1]));
}

/** A further model beside the base, on one metric. */
export function contendRetrieval(metric: RetrievalMetric, base: ItemScores, other: ItemScores): Contender {
	const [score, gained] = bootstrapMeans([other[metric], difference(other[metric], base[metric])]);
	return { score: rounded(score!.mean), ...gainOf(gained!) };
}

/** A further model's similarities beside the base's. */
export function contendSimilarities(
	gold: ArrayLike<number>,
	base: ArrayLike<number>,
	other: ArrayLike<number>,
	group?: ArrayLike<number>,
): Contender {
	const { models, differences } = spearmanIntervals(gold, [base, other], { group });
	return { score: rounded(models[1]!.mean), ...gainOf(differences[1]!) };
}
