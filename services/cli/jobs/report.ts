/** A job's report in a terminal: the verdict in a sentence, labelled scores beside the free baselines, and which checks did not pass. */
import { signed, type Terminal } from "../terminal.js";

interface Contender {
	readonly score: number;
	readonly gain: number;
	readonly ci95: readonly [number, number];
}

interface Labelled {
	readonly metric: string;
	readonly items: number;
	readonly gain: number;
	readonly ci95: readonly [number, number];
	readonly base: Readonly<Record<string, number>>;
	readonly adapted: Readonly<Record<string, number>>;
	readonly free_baselines?: Readonly<Record<string, Contender>>;
}

interface Check {
	readonly name: string;
	readonly passed: boolean;
}

const TASKS = ["retrieval", "categories", "similarity"] as const;
const WIDTH = 18;

export function printReport(out: Terminal, report: Readonly<Record<string, unknown>>): void {
	const { verdict, summary, sanity } = report as { verdict?: string; summary?: string; sanity?: { checks?: readonly Check[] } };
	out.line(`verdict ${verdict ?? "unknown"}`);
	if (summary !== undefined) out.line(`  ${summary}`);
	for (const name of TASKS) {
		const task = (report as Partial<Record<string, Labelled>>)[name];
		if (task) printTask(out, name, task);
	}
	const checks = sanity?.checks ?? [];
	const named = (wanted: boolean) =>
		checks
			.filter(({ passed }) => passed === wanted)
			.map((check) => words(check.name))
			.join(", ");
	if (checks.length > 0) out.line();
	if (named(true)) out.line(`checks passed      ${named(true)}`);
	if (named(false)) out.line(`${out.red("checks not passed")}  ${named(false)}`);
	out.line(out.dim("everything that was measured: --json; as a page: --html FILE"));
}

function printTask(out: Terminal, name: string, { metric, items, base, adapted, gain, ci95, free_baselines: free = {} }: Labelled): void {
	out.line();
	out.line(`${name}, ${items} labels`.padEnd(WIDTH + 2) + metric.padStart(9));
	const row = (label: string, score: number, difference = "") =>
		out.line(`  ${label.padEnd(WIDTH)}${score.toFixed(3).padStart(9)}  ${difference}`.trimEnd());
	const difference = (gained: number, [low, high]: readonly [number, number]) => `${signed(gained)} [${signed(low)}, ${signed(high)}]`;
	row("base", base[metric]!);
	row("adapter", adapted[metric]!, difference(gain, ci95));
	for (const [label, { score, gain: gained, ci95: ends }] of Object.entries(free)) row(words(label), score, difference(gained, ends));
}

const words = (name: string): string => name.replaceAll("_", " ");
