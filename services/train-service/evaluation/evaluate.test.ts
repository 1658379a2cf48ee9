import { unitVectors } from "@dak/shared/evaluation";
import { Random } from "@dak/shared/random";
import { expect, test } from "vitest";
import { driftOf } from "./drift.js";
import { evaluateAdaptation, type ModelVectors } from "./evaluate.js";
import { type EvaluationPlan, type GroupName, LIMITS, planEvaluation } from "./plan.js";

const DIMENSION = 8;

/** Random rows; with a small `spread` all of them lie about the same point. */
function rows(count: number, seed: number, spread = 1): Float32Array {
	const random = new Random(seed);
	return Float32Array.from({ length: count * DIMENSION }, () => (1 - spread) * 0.5 + spread * random.normal());
}

const unit = (data: Float32Array) => unitVectors(data, DIMENSION);
const texts = (count: number, name = "t") => Array.from({ length: count }, (_, i) => `${name}${i}`);
const planOf = (labels?: object, count = 100) =>
	planEvaluation({
		texts: texts(count),
		labels: labels && { queries: [], corpus: [], pairs: [], categories: [], ...labels },
		misspell: (text) => `${text}!`,
	});

/** A model whose vector of a text is the text's own and noise: the less, the nearer together what belongs together. */
function model(plan: EvaluationPlan, noise: number, seed = 1): ModelVectors {
	const own = (text: string) => rows(1, Random.for(3, text.replace(/^.*?(\d+)\D*$/, "$1")).state);
	const groups = Object.entries(plan.groups).map(([name, list]) => {
		const data = new Float32Array(list.length * DIMENSION);
		for (const [i, text] of list.entries()) {
			const random = Random.for(seed, text);
			data.set(
				own(text).map((value) => value + noise * random.normal()),
				i * DIMENSION,
			);
		}
		return [name, data] as const;
	});
	return { dimension: DIMENSION, groups: Object.fromEntries(groups) as Record<GroupName, Float32Array> };
}

test("without labels nothing is claimed: no verdict, no metric, no word of quality", () => {
	const plan = planOf();
	const report = evaluateAdaptation({ plan, base: model(plan, 1), adapted: model(plan, 0.5), loss: { first: 4, last: 3 } });
	expect(report.verdict).toBe("unverified");
	expect([report.retrieval, report.categories, report.similarity]).toEqual([undefined, undefined, undefined]);
	expect(JSON.stringify(report)).not.toMatch(/better|quality|improve/i);
	expect(report.neighbours).toHaveLength(5);
	for (const { text, base, adapted } of report.neighbours as { text: string; base: { text: string }[]; adapted: { text: string }[] }[])
		for (const list of [base, adapted]) expect(list.map((found) => found.text)).not.toContain(text);
	expect(report.sanity).toMatchObject({
		texts: 100,
		collapsed: false,
		checks: expect.arrayContaining([{ name: "loss_fell", passed: true, found: "4.000 → 3.000" }]),
		free_baselines: { texts: 100, half_whitened: { mean_cosine: expect.any(Number), general: { en: { score: expect.any(Number) } } } },
	});
});

test("a loss that rose and vectors that collapsed are said in the summary", () => {
	const plan = planOf();
	const point = new Map(Object.entries(plan.groups).map(([name, list]) => [name, rows(list.length, 5, 0.001)]));
	const collapsed = { dimension: DIMENSION, groups: Object.fromEntries(point) };
	const { verdict, summary } = evaluateAdaptation({ plan, base: model(plan, 1), adapted: collapsed, loss: { first: 3, last: 4 } });
	expect(verdict).toBe("unverified");
	expect(summary).toMatch(/not passed: loss fell, not collapsed, drift within bounds/);
});

const QUERIES = { queries: texts(200, "q").map((query, i) => ({ query, relevant: [`t${i}`] })), corpus: texts(200) };
const CATEGORIES = { categories: texts(60, "x").map((text, i) => ({ text: `${text} of ${i % 20}`, category: `c${i % 20}` })) };
const PAIRS = { pairs: texts(80, "a").map((sentence1, i) => ({ sentence1, sentence2: `b${i + (i % 2)}`, score: 1 - (i % 2) })) };

test.each([
	["improved", 1, 0.3],
	["regressed", 0.3, 1],
	["no_change", 1, 1],
] as const)("labels of any kind earn the verdict %s", (verdict, baseNoise, adaptedNoise) => {
	for (const [name, metric, labels] of [
		["retrieval", "mrr@10", QUERIES],
		["categories", "map@10", CATEGORIES],
		["similarity", "spearman", PAIRS],
	] as const) {
		const plan = planOf(labels);
		const report = evaluateAdaptation({ plan, base: model(plan, baseNoise), adapted: model(plan, adaptedNoise) });
		expect(report.verdict, name).toBe(verdict);
		expect(report[name]).toMatchObject({ metric, free_baselines: { centred: { gain: expect.any(Number) } } });
		expect(report.summary).toContain(verdict.replace("_", " "));
	}
});

test("harm by one kind of labels is not made up for by another", () => {
	const plan = planOf({ ...QUERIES, ...PAIRS });
	const [good, bad] = [model(plan, 0.3), model(plan, 1)];
	const mixed = {
		dimension: DIMENSION,
		groups: { ...good.groups, sentences1: bad.groups.sentences1!, sentences2: bad.groups.sentences2! },
	};
	const base = {
		dimension: DIMENSION,
		groups: { ...bad.groups, sentences1: model(plan, 0.3).groups.sentences1!, sentences2: model(plan, 0.3).groups.sentences2! },
	};
	const report = evaluateAdaptation({ plan, base, adapted: mixed });
	expect(report.retrieval!.ci95[0]).toBeGreaterThan(0);
	expect(report.verdict).toBe("regressed");
});

test("a handful of labels is measured and bears no verdict", () => {
	const plan = planOf({ queries: QUERIES.queries.slice(0, 3), corpus: QUERIES.corpus });
	const report = evaluateAdaptation({ plan, base: model(plan, 1), adapted: model(plan, 0.1) });
	expect(report.verdict).toBe("unverified");
	expect(report.retrieval).toMatchObject({ queries: 3, corpus: 200 });
	expect(report.summary).toMatch(/Only 3 queries were given, and a verdict takes 10/);
});

test("what is measured is bounded, answers stay, and the report says what was left out", () => {
	const answers = texts(50, "answer");
	const queries = answers.map((text, i) => ({ query: `q${i}`, relevant: [text] }));
	const plan = planOf({ queries, corpus: texts(LIMITS.corpus + 500) }, 100_000);
	expect(plan.groups.corpus).toHaveLength(LIMITS.corpus);
	for (const [i, { relevant }] of queries.entries())
		expect([...plan.retrieval!.relevant[i]!].map((row) => plan.groups.corpus[row])).toEqual(relevant);
	expect(plan.bounded).toEqual([`corpus: 50 that answer and ${LIMITS.corpus - 50} of ${LIMITS.corpus + 500} others, chosen by chance`]);
	expect(plan.groups.sample).toHaveLength(LIMITS.sample);
	expect(plan.groups.fit).toHaveLength(LIMITS.fit);
	expect(Number(plan.groups.sample.at(-1)!.slice(1))).toBeGreaterThan(99_000);
	expect(plan.groups.fit.filter((text) => plan.groups.sample.includes(text))).toEqual([]);
});

test("drift is none for the same vectors, and for the same vectors turned", () => {
	const base = rows(50, 1);
	const turned = base.map((_, i) => base[i - (i % DIMENSION) + ((i + 3) % DIMENSION)]!);
	for (const adapted of [base.slice(), turned]) {
		const drift = driftOf(unit(base.slice()), unit(adapted));
		expect(drift.similarityCorrelation).toBeCloseTo(1, 6);
		expect(drift.meanCosine.adapted).toBeCloseTo(drift.meanCosine.base, 6);
		expect(drift.collapsed).toBe(false);
	}
});

test("vectors that have nothing to do with the base's are far from it", () => {
	expect(Math.abs(driftOf(unit(rows(200, 1)), unit(rows(200, 2))).similarityCorrelation)).toBeLessThan(0.1);
});

test("vectors that have become one point are said to have collapsed", () => {
	const drift = driftOf(unit(rows(50, 1)), unit(rows(50, 2, 0.001)));
	expect(drift.collapsed).toBe(true);
	expect(drift.meanCosine.adapted).toBeGreaterThan(0.99);
});

test("two texts have one cosine and no spread: drift is none where it has not moved", () => {
	expect(driftOf(unit(rows(2, 1)), unit(rows(2, 1))).similarityCorrelation).toBe(1);
	expect(driftOf(unit(rows(2, 1)), unit(rows(2, 2))).similarityCorrelation).toBe(0);
});
