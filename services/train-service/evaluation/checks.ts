/** Passed or not: what the figures without labels come to. The bounds are conventions, and are said beside each result. */
import type { Sanity } from "./sanity.js";

export interface Check {
	readonly name: "loss_fell" | "not_collapsed" | "drift_within_bounds" | "general_similarity_kept";
	readonly passed: boolean;
	/** What was found, and the bound. */
	readonly found: string;
}

/** Below it most neighbours are other ones than the base's. */
const LEAST_CORRELATION = 0.8;
/** A language that the base does not know has nothing to be forgotten. */
const KNOWN = 0.4;
/** A fall that is no larger is of no consequence, however sure it is. */
const LARGEST_FALL = 0.01;

export interface Course {
	/** Means over the first and the last steps. */
	readonly loss?: { readonly first: number; readonly last: number } | undefined;
	/** Whether the objective aims at other similarities than the base's: then drift from these has no bound. */
	readonly reshaped?: boolean | undefined;
}

export function checksOf(
	{ collapsed, similarity_correlation: correlation, general }: Sanity,
	{ loss, reshaped = false }: Course = {},
): Check[] {
	const known = Object.entries(general).filter(([, { base }]) => base.spearman! >= KNOWN);
	const kept = known.every(([, { gain, ci95 }]) => !(ci95[1] < 0 && gain < -LARGEST_FALL));
	const changes = known.map(
		([language, { base, adapted }]) => `${language} ${base.spearman!.toFixed(3)} → ${adapted.spearman!.toFixed(3)}`,
	);
	return [
		...(loss
			? [{ name: "loss_fell" as const, passed: loss.last < loss.first, found: `${loss.first.toFixed(3)} → ${loss.last.toFixed(3)}` }]
			: []),
		{ name: "not_collapsed", passed: !collapsed, found: collapsed ? "all texts have become nearly one point" : "texts lie apart" },
		...(reshaped
			? []
			: [
					{
						name: "drift_within_bounds" as const,
						passed: correlation >= LEAST_CORRELATION,
						found: `cosines correlate ${correlation.toFixed(3)} with the base's; at least ${LEAST_CORRELATION}`,
					},
				]),
		{
			name: "general_similarity_kept",
			passed: kept,
			found: changes.length > 0 ? `Spearman ${changes.join(", ")}` : "the base knows neither language of the general set",
		},
	];
}
