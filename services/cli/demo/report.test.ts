import { expect, test } from "vitest";
import { recordingTerminal } from "../testing/terminal.js";
import { type DemoResult, printReport } from "./report.js";

const RESULT: DemoResult = {
	search: { queries: 2, before: 0.5, after: 0.75, interval: { mean: 0.25, ci95: [0.1, 0.4] }, examples: [] },
	examples: [
		{
			text: "hex bolt m8",
			before: [
				{ text: "Nut M8", right: false },
				{ text: "Washer M8", right: false },
			],
			after: [{ text: "Hexagon head bolt M8", right: true }],
		},
	],
	similarity: { source: "hex bolt m8", sentence: "Hexagon head bolt M8", before: 0.5, after: 0.875 },
	embedResidentBytes: 200 * 2 ** 20,
	json: {
		job: { id: "job_1", state: "succeeded" },
		progress_events: 120,
		loss: { first: 7.25, last: 2.5 },
		quality: { metric: "mrr@10", before: 0.5, after: 0.75, gain: 0.25, ci95: [0.1, 0.4] },
		similarity: { before: 0.5, after: 0.875 },
		metrics_scraped: 40,
		seconds: 125,
		peak_rss_mb: 700,
		adapter: "/data/demo/adapter",
	},
};

const printed = (result: DemoResult): string[] => {
	const terminal = recordingTerminal();
	printReport(terminal, result);
	return terminal.lines;
};

test("the report says what a person wants to know", () => {
	expect(printed(RESULT)).toEqual([
		"",
		"What came out",
		"  time             2:05 in all",
		"  memory           700 MiB at most in training, 200 MiB in embed-service",
		"  loss             7.250 → 2.500 (120 steps)",
		"  retrieval        MRR@10 0.500 → 0.750 on 2 held-out queries, +0.250 [+0.100, +0.400] (95 % interval)",
		"  similarity       0.500 → 0.875",
		"                   “hex bolt m8” ↔ “Hexagon head bolt M8”",
		"  metrics          40 scraped from both services",
		"  adapter          /data/demo/adapter",
		"",
		"  hex bolt m8",
		"    before   Nut M8",
		"             Washer M8",
		"    after  ✓ Hexagon head bolt M8",
	]);
});

test("without labels nothing is said about search", () => {
	const examples = [{ text: "a", before: [{ text: "b" }], after: [{ text: "c" }] }];
	const text = printed({ ...RESULT, search: undefined, examples, json: { ...RESULT.json, quality: null } }).join("\n");
	expect(text).toContain("unverified");
	expect(text).not.toMatch(/better|quality|improve|MRR|✓/i);
});
