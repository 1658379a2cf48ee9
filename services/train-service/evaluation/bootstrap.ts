import { Random } from "@dak/shared/nn";

export interface Interval {
	readonly mean: number;
	/** 2.5 % and 97.5 % quantiles of the resampled means. */
	readonly ci95: readonly [number, number];
}

/** Paired bootstrap: the mean of per-query differences and how far chance alone moves it. */
export function pairedBootstrap(differences: readonly number[], { seed = 1, rounds = 1000 } = {}): Interval {
	const random = new Random(seed);
	const n = differences.length;
	const means = Float64Array.from({ length: rounds }, () => {
		let sum = 0;
		for (let i = 0; i < n; i++) sum += differences[random.below(n)]!;
		return sum / n;
	}).sort();
	const quantile = (q: number) => {
		const at = q * (rounds - 1);
		const low = Math.floor(at);
		return means[low]! + (at - low) * (means[Math.min(low + 1, rounds - 1)]! - means[low]!);
	};
	return { mean: differences.reduce((a, b) => a + b, 0) / n, ci95: [quantile(0.025), quantile(0.975)] };
}

export type Verdict = "improved" | "no_change" | "regressed";

/** What an interval allows to be said. */
export const verdictOf = ({ ci95 }: Interval): Verdict => (ci95[0] > 0 ? "improved" : ci95[1] < 0 ? "regressed" : "no_change");
