/** Against what numpy computes (tests/fixtures/golden/make_evaluation.py, make_metrics.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pairedBootstrap } from "./bootstrap.js";
import { categorySet } from "./labelled.js";
import { meansOf, type RetrievalMetric, retrievalScores } from "./retrieval.js";
import { rowsOf, unitVectors } from "./vectors.js";
import { verdictOf } from "./verdict.js";

type Model = "base" | "adapted";

interface Golden {
	readonly dimension: number;
	readonly corpus: string;
	readonly queries: Record<Model, string>;
	readonly relevant: readonly (readonly number[])[];
	readonly scores: Record<Model, { readonly reciprocal_ranks: readonly number[]; readonly means: Record<string, number> }>;
	readonly bootstrap: { readonly mean: number; readonly ci95: readonly [number, number] };
}

const read = (name: string): unknown =>
	JSON.parse(readFileSync(new URL(`../../tests/fixtures/golden/${name}.json`, import.meta.url), "utf8"));
const golden = read("evaluation") as Golden;
const metrics = read("metrics") as { readonly means: Record<Model, Record<RetrievalMetric, number>> };
const vectors = (packed: string) => unitVectors(new Float32Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer), golden.dimension);
const relevant = golden.relevant.map((rows) => new Set(rows));

test.each(["base", "adapted"] as const)("ranks and their means are those of the numpy script (%s)", (model) => {
	const scores = retrievalScores(vectors(golden.queries[model]), vectors(golden.corpus), relevant);
	const { reciprocal_ranks, means } = golden.scores[model];
	expect([...scores["mrr@10"]]).toEqual(reciprocal_ranks);
	const found = meansOf(scores);
	for (const [name, value] of Object.entries({ ...means, ...metrics.means[model] }))
		expect(found[name as RetrievalMetric], name).toBeCloseTo(value, 12);
});

test("the bootstrap interval is numpy's, as far as a thousand rounds tell", () => {
	const { base, adapted } = golden.scores;
	const interval = pairedBootstrap(adapted.reciprocal_ranks.map((rank, i) => rank - base.reciprocal_ranks[i]!));
	expect(interval.mean).toBeCloseTo(golden.bootstrap.mean, 12);
	// The spread of such a quantile over seeds is about 0.004 here.
	for (const end of [0, 1] as const) expect(Math.abs(interval.ci95[end] - golden.bootstrap.ci95[end])).toBeLessThan(0.015);
	expect(verdictOf(interval)).toBe("improved");
});

test("a corpus smaller than ten ranks is searched to its end", () => {
	const corpus = unitVectors(Float32Array.of(1, 0, 0, 1), 2);
	const scores = retrievalScores(unitVectors(Float32Array.of(1, 0.1), 2), corpus, [new Set([1])]);
	expect(meansOf(scores)).toMatchObject({ "mrr@10": 0.5, "hit@1": 0, "recall@1": 0, "recall@10": 1, "recall@100": 1, "map@10": 0.5 });
	expect(meansOf(scores)["ndcg@10"]).toBeCloseTo(1 / Math.log2(3), 12);
});

test("of equal scores the corpus' first is found first", () => {
	const corpus = unitVectors(Float32Array.of(0, 1, 1, 0, 1, 0, 1, 0), 2);
	const scores = retrievalScores(unitVectors(Float32Array.of(1, 0), 2), corpus, [new Set([2])]);
	expect([...scores["mrr@10"]]).toEqual([1 / 2]);
});

test("a category's texts search for each other, never for themselves, and one that is alone searches for nothing", () => {
	const rows = ["a", "b", "c", "a", "alone"].map((text) => ({ text, category: text === "alone" ? "y" : "x" }));
	const set = categorySet(rows);
	expect(set).toMatchObject({ texts: ["a", "b", "c", "alone"], queries: [0, 1, 2] });
	const texts = unitVectors(Float32Array.of(1, 0, 1, 0.1, 1, 1, 0.9, 0.2), 2);
	const scores = retrievalScores(rowsOf(texts, set.queries), texts, set.relevant, (i) => set.queries[i]);
	// From a: b, alone, c. From b: a, alone, c. From c: alone, b, a.
	expect([...scores["recall@1"]]).toEqual([1 / 2, 1 / 2, 0]);
	const expected = [(1 + 2 / 3) / 2, (1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2];
	for (const [i, value] of expected.entries()) expect(scores["map@10"][i]).toBeCloseTo(value, 12);
});
