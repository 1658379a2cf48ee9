/** Verdict and summary. Without labels nothing is said about search, whatever the figures are. */
import { type Comparison, FEWEST_ITEMS, type Verdict, verdictOf, verdictOfAll } from "@dak/shared/evaluation";
import type { Check } from "./checks.js";
import type { TaskName } from "./tasks.js";

export type ReportVerdict = Verdict | "unverified";

export type Comparisons = Partial<Readonly<Record<TaskName, Comparison>>>;

const ITEMS: Readonly<Record<TaskName, string>> = { retrieval: "queries", categories: "texts of categories", similarity: "graded pairs" };
const METRICS: Readonly<Record<string, string>> = { "mrr@10": "MRR@10", "map@10": "MAP@10", spearman: "Spearman" };
const SAYS: Readonly<Record<Verdict, string>> = {
	improved: "improved; the 95 % interval lies above zero",
	no_change: "no change that chance does not explain; the 95 % interval includes zero",
	regressed: "regressed; the 95 % interval lies below zero",
};

const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

export function conclude(
	comparisons: Comparisons,
	checks: readonly Check[],
): { readonly verdict: ReportVerdict; readonly summary: string } {
	const all = Object.entries(comparisons) as [TaskName, Comparison][];
	const enough = all.filter(([, { items }]) => items >= FEWEST_ITEMS);
	if (enough.length > 0) {
		const summary = enough.map(([task, comparison]) => labelled(task, comparison)).join(" ");
		return { verdict: verdictOfAll(Object.values(comparisons)), summary };
	}
	const failed = checks.filter(({ passed }) => !passed).map(({ name }) => name.replaceAll("_", " "));
	const said = failed.length === 0 ? "all passed" : `not passed: ${failed.join(", ")}`;
	const why =
		all.length === 0
			? "No labelled data was given"
			: `Only ${all.map(([task, { items }]) => `${items} ${ITEMS[task]}`).join(" and ")} were given, and a verdict takes ${FEWEST_ITEMS}`;
	return {
		verdict: "unverified",
		summary: `${why}, so nothing is said about retrieval; the checks say only whether training has broken the model: ${said}.`,
	};
}

function labelled(task: TaskName, { metric, items, base, adapted, gain, ci95, ...rest }: Comparison): string {
	const scores = `${METRICS[metric] ?? metric} is ${adapted[metric]!.toFixed(3)} with the adapter and ${base[metric]!.toFixed(3)} with the base`;
	const verdict = SAYS[verdictOf({ ci95, ...rest })];
	return `On your ${items} ${ITEMS[task]} ${scores}: ${signed(gain)} [${signed(ci95[0])}, ${signed(ci95[1])}], ${verdict}.`;
}
