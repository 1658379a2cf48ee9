/** What a list of lengths is like. */
import type { GrowingNumbers } from "./growing.js";

export interface Summary {
	readonly min: number;
	readonly mean: number;
	readonly p50: number;
	readonly p95: number;
	readonly p99: number;
	readonly max: number;
}

export interface Bucket {
	/** Greatest length that is counted here. */
	readonly to: number;
	readonly texts: number;
}

/** Of at least one number. */
export function summaryOf(numbers: GrowingNumbers): Summary {
	const sorted = numbers.sorted();
	const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
	let sum = 0;
	for (const value of sorted) sum += value;
	return {
		min: sorted[0]!,
		mean: Math.round(sum / sorted.length),
		p50: at(0.5),
		p95: at(0.95),
		p99: at(0.99),
		max: sorted.at(-1)!,
	};
}

/** Counts by powers of two, from 4 on, up to the greatest. */
export function histogramOf(numbers: GrowingNumbers): Bucket[] {
	const buckets: { to: number; texts: number }[] = [];
	let to = 4;
	for (const value of numbers.sorted()) {
		while (value > to || buckets.length === 0) {
			if (buckets.length > 0) to *= 2;
			buckets.push({ to, texts: 0 });
		}
		buckets.at(-1)!.texts++;
	}
	return buckets;
}
