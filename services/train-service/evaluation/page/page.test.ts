import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { evaluateAdaptation, type GroupName, planEvaluation } from "../index.js";
import { REPORT_CSP, reportPage } from "./index.js";

const EVIL = `<script>alert('x')</script><img src=http://evil.example/x.png onerror="alert(1)">"><style>*{display:none}</style>`;
const JOB = { id: "job_1", base_model: EVIL, adapter_name: EVIL };

/** A report over strangers' texts, as the service writes it. */
function report(labelled: boolean): Record<string, unknown> {
	const texts = Array.from({ length: 80 }, (_, i) => `${EVIL} ${i}`);
	const labels = {
		queries: texts.slice(0, 20).map((text, i) => ({ query: `${text}?`, relevant: [texts[i + 20]!] })),
		corpus: texts,
		pairs: texts.slice(0, 20).map((sentence1, score) => ({ sentence1, sentence2: texts[30]!, score })),
		categories: texts.map((text, i) => ({ text, category: `${i % 7}` })),
	};
	const plan = planEvaluation({ texts, labels: labelled ? labels : undefined, misspell: (text) => text });
	const model = (turn: number) => {
		const entries = Object.entries(plan.groups).map(([name, list]) => [
			name,
			Float32Array.from({ length: list.length * 4 }, (_, i) => Math.sin((i + 1) * 1.7 + turn * (i % 3))),
		]);
		return { dimension: 4, groups: Object.fromEntries(entries) as Record<GroupName, Float32Array> };
	};
	const measured = evaluateAdaptation({ plan, base: model(0), adapted: model(0.3), loss: { first: 2, last: 1 } });
	const curve = Array.from({ length: 700 }, (_, i) => ({ step: i + 1, loss: 5 - i / 200 }));
	const dataset = { texts: 80, warnings: [`${EVIL} is what a text says`] };
	const whole = {
		...measured,
		loss: { first: 5, last: 1.5, steps: 700, curve },
		validation: { texts: 9, loss_before: 3, loss_after: 2 },
		dataset,
	};
	return JSON.parse(JSON.stringify(whole)) as Record<string, unknown>;
}

test.each([true, false])("no text of a stranger is markup, and nothing is loaded from anywhere (labels: %s)", (labelled) => {
	const page = reportPage(report(labelled), JOB);
	expect(page).toContain("&#60;script&#62;");
	// What tags there are: the page's own.
	const tags = new Set([...page.matchAll(/<([a-z0-9]+)/gi)].map(([, tag]) => tag));
	for (const tag of ["script", "img", "link", "iframe", "object", "embed", "form", "base", "a"]) expect(tags).not.toContain(tag);
	expect(page.match(/<style>/g)).toHaveLength(1);
	for (const [tag] of page.matchAll(/<[^>]+>/g)) expect(tag).not.toMatch(/\s(on\w+|src|href|style|srcset|xlink:href)=/i);
	expect(page).not.toMatch(/url\(|@import|javascript:/i);
	expect(page).not.toMatch(/NaN|undefined|\[object/);
});

test("the policy allows the page's own style by its hash, and nothing besides", () => {
	const style = /<style>(.*?)<\/style>/s.exec(reportPage(report(false), JOB))![1]!;
	const hash = createHash("sha256").update(style).digest("base64");
	expect(REPORT_CSP).toBe(`default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`);
});

test("labels get their tables; without labels no word of quality stands on the page", () => {
	const labelled = reportPage(report(true), JOB);
	for (const word of ["nDCG@10", "MRR@10", "MAP@10", "recall@100", "Spearman", "quarter whitened", "half whitened", "centred"])
		expect(labelled).toContain(word);
	expect(labelled).toContain("Labelled queries: 20 over 80 texts");
	const unlabelled = reportPage(report(false), { id: "job_1", base_model: "base" });
	expect(unlabelled).toContain("Unverified");
	expect(unlabelled.replaceAll(/<style>.*?<\/style>/gs, "")).not.toMatch(/better|quality|improve/i);
});

test("a report of another version is shown as far as it goes", () => {
	const page = reportPage(
		{ verdict: "improved", summary: "made up", retrieval: { metric: "mrr@10", gain: 0.1 }, sanity: 5, neighbours: null },
		JOB,
	);
	expect(page).toContain("made up");
	expect(page).not.toMatch(/<h2>/);
});

test("a long curve is drawn with a bounded number of points", () => {
	const curve = Array.from({ length: 1_000_000 }, (_, i) => ({ step: i + 1, loss: 1 }));
	expect(reportPage({ verdict: "unverified", summary: "", loss: { curve } }, JOB).length).toBeLessThan(30_000);
});
