/** What the demo prints at its end, and what --json writes. */
import { clip, clock, mib, signed, type Terminal } from "../terminal.js";
import type { Example, Found, SearchResult, Similarity } from "./search.js";

/** What --json writes. Nothing measured is null, never left out. */
export interface DemoJson {
	readonly job: { readonly id: string; readonly state: string };
	readonly progress_events: number;
	readonly loss: { readonly first: number | null; readonly last: number | null };
	/** null where no labels were given. */
	readonly quality: {
		readonly metric: string;
		readonly before: number;
		readonly after: number;
		readonly gain: number;
		readonly ci95: readonly [number, number];
	} | null;
	readonly similarity: { readonly before: number; readonly after: number };
	readonly metrics_scraped: number;
	readonly seconds: number;
	readonly peak_rss_mb: number;
	/** The adapter's folder. */
	readonly adapter: string;
}

export interface DemoResult {
	/** undefined where no labels were given. */
	readonly search: SearchResult | undefined;
	readonly examples: readonly Example[];
	readonly similarity: Similarity;
	readonly embedResidentBytes: number;
	readonly json: DemoJson;
}

const WIDTH = 100;

const row = (label: string, value: string): string => `  ${label.padEnd(16)} ${value}`;
const number = (value: number | null): string => value?.toFixed(3) ?? "–";

export function printReport(terminal: Terminal, { search, examples, similarity, embedResidentBytes, json }: DemoResult): void {
	const { before, after, source, sentence } = similarity;
	terminal.line();
	terminal.line(terminal.bold("What came out"));
	terminal.line(row("time", `${clock(json.seconds)} in all`));
	terminal.line(row("memory", `${json.peak_rss_mb} MiB at most in training, ${mib(embedResidentBytes)} in embed-service`));
	terminal.line(row("loss", `${number(json.loss.first)} → ${number(json.loss.last)} (${json.progress_events} steps)`));
	terminal.line(row("retrieval", search ? retrieval(terminal, search) : UNVERIFIED));
	terminal.line(row("similarity", `${number(before)} → ${number(after)}`));
	terminal.line(row("", terminal.dim(`“${clip(source, WIDTH / 2)}” ↔ “${clip(sentence, WIDTH)}”`)));
	terminal.line(row("metrics", `${json.metrics_scraped} scraped from both services`));
	terminal.line(row("adapter", json.adapter));
	for (const example of examples) neighbours(terminal, example);
}

const UNVERIFIED = "unverified: no labelled queries were given, so nothing is said about search";

function retrieval(terminal: Terminal, { queries, before, after, interval }: SearchResult): string {
	const [low, high] = interval.ci95;
	const gain = `${signed(interval.mean)} [${signed(low)}, ${signed(high)}]`;
	const painted = low > 0 ? terminal.green(gain) : high < 0 ? terminal.red(gain) : gain;
	return `MRR@10 ${before.toFixed(3)} → ${after.toFixed(3)} on ${queries} held-out queries, ${painted} (95 % interval)`;
}

function neighbours(terminal: Terminal, { text, before, after }: Example): void {
	terminal.line();
	terminal.line(`  ${terminal.bold(clip(text, WIDTH))}`);
	const list = (label: string, found: readonly Found[]) =>
		found.forEach(({ text: other, right }, i) => {
			terminal.line(`    ${(i === 0 ? label : "").padEnd(6)} ${right ? terminal.green("✓") : " "} ${clip(other, WIDTH)}`);
		});
	list("before", before);
	list("after", after);
}
