import { Random } from "@dak/shared/nn";
import { expect, test } from "vitest";
import { driftOf } from "./drift.js";
import { evaluateAdaptation, labelledSet } from "./evaluate.js";
import { unitVectors } from "./vectors.js";

const DIMENSION = 8;

/** Random rows; with a small `spread` all of them lie about the same point. */
function rows(count: number, seed: number, spread = 1): Float32Array {
	const random = new Random(seed);
	return Float32Array.from({ length: count * DIMENSION }, () => (1 - spread) * 0.5 + spread * random.normal());
}

const unit = (data: Float32Array) => unitVectors(data, DIMENSION);

test("without labels nothing is claimed: no verdict, no metric, no word of quality", () => {
	const texts = ["a", "b", "c", "d", "e", "f"];
	const model = (seed: number) => ({ dimension: DIMENSION, sample: rows(texts.length, seed) });
	const report = evaluateAdaptation({ base: model(1), adapted: model(2), sampleTexts: texts });
	expect(report.verdict).toBe("unverified");
	expect(report.retrieval).toBeUndefined();
	expect(JSON.stringify(report)).not.toMatch(/better|quality|improve/i);
	expect(report.neighbours).toHaveLength(5);
	for (const { text, base, adapted } of report.neighbours as { text: string; base: { text: string }[]; adapted: { text: string }[] }[])
		for (const list of [base, adapted]) expect(list.map((found) => found.text)).not.toContain(text);
});

test.each([
	["improved", 2, 1],
	["regressed", 1, 2],
	["no_change", 1, 1],
] as const)("labels earn the verdict %s", (verdict, baseNoise, adaptedNoise) => {
	const corpus = rows(200, 1);
	const noise = rows(200, 2);
	const labelled = labelledSet(
		Array.from({ length: 200 }, (_, i) => ({ query: `q${i}`, relevant: [`t${i}`] })),
		Array.from({ length: 200 }, (_, i) => `t${i}`),
	);
	const model = (level: number) => ({
		dimension: DIMENSION,
		sample: rows(4, 3),
		corpus: corpus.slice(),
		queries: corpus.map((value, i) => value + (level - 0.5) * noise[i]!),
	});
	const report = evaluateAdaptation({ base: model(baseNoise), adapted: model(adaptedNoise), sampleTexts: ["a", "b", "c", "d"], labelled });
	expect(report.verdict).toBe(verdict);
	expect(report.retrieval).toMatchObject({ metric: "mrr@10", queries: 200, corpus: 200 });
});

test("equal texts are one row of the labelled set, also where only a query's answer has them", () => {
	const set = labelledSet(
		[
			{ query: "q", relevant: ["b", "b", "only here"] },
			{ query: "r", relevant: ["only here"] },
		],
		["a", "b", "a"],
	);
	expect(set).toEqual({ queries: ["q", "r"], corpus: ["a", "b", "only here"], relevant: [new Set([1, 2]), new Set([2])] });
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
