import { expect, test } from "vitest";
import { createTerminal } from "../terminal.js";
import { printReport } from "./report.js";

function printed(report: Readonly<Record<string, unknown>>): string[] {
	const parts: string[] = [];
	const write = (part: string) => {
		parts.push(part);
		return true;
	};
	printReport(createTerminal({ write, isTTY: false } as never, {}), report);
	return parts.join("").split("\n");
}

const RETRIEVAL = {
	metric: "mrr@10",
	items: 50,
	gain: 0.0514,
	ci95: [0.02, 0.09],
	base: { "mrr@10": 0.36606 },
	adapted: { "mrr@10": 0.41746 },
	free_baselines: { half_whitened: { score: 0.44, gain: 0.0739, ci95: [-0.01, 0.12] } },
};

test("a report has its verdict, labelled scores beside the free baselines, and the checks", () => {
	const sanity = { checks: [{ name: "loss_fell", passed: true }] };
	expect(printed({ verdict: "improved", summary: "On your 50 queries …", retrieval: RETRIEVAL, sanity })).toEqual([
		"verdict improved",
		"  On your 50 queries …",
		"",
		"retrieval, 50 labels   mrr@10",
		"  base                  0.366",
		"  adapter               0.417  +0.051 [+0.020, +0.090]",
		"  half whitened         0.440  +0.074 [−0.010, +0.120]",
		"",
		"checks passed      loss fell",
		"everything that was measured: --json; as a page: --html FILE",
		"",
	]);
});

test("a check that did not pass is named", () => {
	const sanity = { checks: [{ name: "not_collapsed", passed: false }] };
	expect(printed({ verdict: "unverified", sanity })).toContain("checks not passed  not collapsed");
});
