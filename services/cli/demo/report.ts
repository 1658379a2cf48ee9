/** What the demo prints at its end. */
import { clock, mib, signed, type Terminal } from "../terminal.js";
import type { Example, SearchResult } from "./search.js";

export interface DemoResult {
	readonly search: SearchResult | undefined;
	readonly similarity: { readonly source: string; readonly sentence: string; readonly before: number; readonly after: number };
	readonly embedResidentBytes: number;
	/** What --json writes. */
	readonly json: {
		readonly job: { readonly id: string; readonly state: string };
		readonly progress_events: number;
		readonly loss: { readonly first: number | undefined; readonly last: number | undefined };
		readonly quality:
			| {
					readonly metric: string;
					readonly before: number;
					readonly after: number;
					readonly gain: number;
					readonly ci95: readonly [number, number];
			  }
			| undefined;
		readonly similarity: { readonly before: number; readonly after: number };
		readonly metrics_scraped: number;
		readonly seconds: number;
		readonly peak_rss_mb: number;
		readonly adapter: string;
	};
}

const row = (label: string, value: string): string => `  ${label.padEnd(16)} ${value}`;

export function report(terminal: Terminal, { search, similarity, embedResidentBytes, json }: DemoResult): void {
	const { loss } = json;
	terminal.line();
	terminal.line(terminal.bold("What came out"));
	terminal.line(row("time", `${clock(json.seconds)} in all`));
	terminal.line(row("memory", `${json.peak_rss_mb} MiB at most in training, ${mib(embedResidentBytes)} in embed-service`));
	terminal.line(row("loss", `${loss.first?.toFixed(3)} → ${loss.last?.toFixed(3)} (${json.progress_events} steps)`));
	terminal.line(
		row("retrieval", search ? retrieval(terminal, search) : "unverified: no labelled pairs were given, so nothing is said about search"),
	);
	terminal.line(
		row(
			"similarity",
			`${similarity.before.toFixed(3)} → ${similarity.after.toFixed(3)}  ${terminal.dim(`“${similarity.source}” ↔ “${similarity.sentence}”`)}`,
		),
	);
	terminal.line(row("metrics", `${json.metrics_scraped} scraped from both services`));
	terminal.line(row("adapter", json.adapter));
	for (const example of search?.examples ?? []) neighbours(terminal, example);
}

function retrieval(terminal: Terminal, { before, after, interval }: SearchResult): string {
	const [low, high] = interval.ci95;
	const gain = `${signed(interval.mean)} [${signed(low)}, ${signed(high)}]`;
	const painted = low > 0 ? terminal.green(gain) : high < 0 ? terminal.red(gain) : gain;
	return `MRR@10 ${before.toFixed(3)} → ${after.toFixed(3)} on held-out queries, ${painted} (95 % interval)`;
}

function neighbours(terminal: Terminal, { text, before, after }: Example): void {
	terminal.line();
	terminal.line(`  ${terminal.bold(text)}`);
	for (const [label, list] of [
		["before", before],
		["after", after],
	] as const) {
		for (const { text: found, right } of list) terminal.line(`    ${label.padEnd(6)} ${right ? terminal.green("✓") : " "} ${found}`);
	}
}
