/** What measurements allow to be said. */
import type { Interval } from "./bootstrap.js";

export type Verdict = "improved" | "no_change" | "regressed";

/** Fewer labelled items than these bear no verdict: resampling so few says little about others. */
export const FEWEST_ITEMS = 10;

/** What an interval allows to be said. */
export const verdictOf = ({ ci95 }: Pick<Interval, "ci95">): Verdict =>
	ci95[0] > 0 ? "improved" : ci95[1] < 0 ? "regressed" : "no_change";

/** What a number of items and an interval allow to be said. */
interface Measured extends Pick<Interval, "ci95"> {
	readonly items: number;
}

/** One verdict of several sets of labels: harm in one is not made up for in another, and a handful of items bears none. */
export function verdictOfAll(measured: readonly Measured[]): Verdict | "unverified" {
	const verdicts = measured.filter(({ items }) => items >= FEWEST_ITEMS).map(verdictOf);
	if (verdicts.length === 0) return "unverified";
	return verdicts.includes("regressed") ? "regressed" : verdicts.includes("improved") ? "improved" : "no_change";
}
