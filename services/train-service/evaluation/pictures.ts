/** What the report's page draws: kept as numbers, so that other tools can draw it too. */
import { rounded, rowOf, type Vectors } from "@dak/shared/evaluation";
import { pairwise } from "./drift.js";
import { Eigenbasis } from "./free-baselines.js";

const BINS = 48;

export interface Histogram {
	/** Left end of the first bin, and right end of the last. */
	readonly from: number;
	readonly to: number;
	/** Pairs of texts a bin. */
	readonly base: readonly number[];
	readonly adapted: readonly number[];
}

/** Cosines of every two texts, before and after. */
export function similarityHistogram(base: Vectors, adapted: Vectors): Histogram {
	const both = [pairwise(base), pairwise(adapted)];
	const from = Math.floor(20 * both.reduce((least, values) => values.reduce((a, b) => Math.min(a, b), least), 1)) / 20;
	const counts = both.map((values) => {
		const bins = new Array<number>(BINS).fill(0);
		for (const value of values) bins[Math.max(0, Math.min(BINS - 1, Math.floor(((value - from) / (1 - from)) * BINS)))]!++;
		return bins;
	});
	return { from, to: 1, base: counts[0]!, adapted: counts[1]! };
}

type Point = readonly [x: number, y: number];

export interface Projection {
	/** Shares of the variance of both axes. */
	readonly variance: readonly [number, number];
	/** A text a row, the same in both. */
	readonly base: readonly Point[];
	readonly adapted: readonly Point[];
}

/** Both models' vectors on the two principal axes of all of them together: one map, so that places can be compared. */
export function projection(base: Vectors, adapted: Vectors): Projection {
	const { dimension, count } = base;
	const data = new Float32Array(2 * count * dimension);
	data.set(base.data);
	data.set(adapted.data, count * dimension);
	const basis = Eigenbasis.of({ count: 2 * count, dimension, data });
	const points = (vectors: Vectors): Point[] => {
		const rotated = basis.rotate(vectors);
		return Array.from({ length: count }, (_, i) => {
			const row = rowOf(rotated, i);
			return [coordinate(row.at(-1)!), coordinate(row.at(-2) ?? 0)];
		});
	};
	return { variance: [rounded(basis.widest[0]), rounded(basis.widest[1])], base: points(base), adapted: points(adapted) };
}

const coordinate = (value: number): number => Number(value.toFixed(4));
