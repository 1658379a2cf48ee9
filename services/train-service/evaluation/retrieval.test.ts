/** Against what the benchmark script computes with numpy (tests/fixtures/golden/make_evaluation.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pairedBootstrap, verdictOf } from "./bootstrap.js";
import { retrievalScores } from "./retrieval.js";
import { unitVectors } from "./vectors.js";

type Model = "base" | "adapted";

interface Golden {
	readonly dimension: number;
	readonly corpus: string;
	readonly queries: Record<Model, string>;
	readonly relevant: readonly (readonly number[])[];
	readonly scores: Record<Model, { readonly reciprocal_ranks: readonly number[]; readonly means: Record<string, number> }>;
	readonly bootstrap: { readonly mean: number; readonly ci95: readonly [number, number] };
}

const path = new URL("../../../tests/fixtures/golden/evaluation.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;
const vectors = (packed: string) => unitVectors(new Float32Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer), golden.dimension);
const relevant = golden.relevant.map((rows) => new Set(rows));

test.each(["base", "adapted"] as const)("ranks and their means are those of the numpy script (%s)", (model) => {
	const scores = retrievalScores(vectors(golden.queries[model]), vectors(golden.corpus), relevant);
	const { reciprocal_ranks, means } = golden.scores[model];
	expect(scores.reciprocalRanks).toEqual(reciprocal_ranks);
	expect(scores.mrr10).toBeCloseTo(means["mrr@10"]!, 12);
	expect(scores.hit1).toBeCloseTo(means["hit@1"]!, 12);
	expect(scores.recall10).toBeCloseTo(means["recall@10"]!, 12);
	expect(scores.ndcg10).toBeCloseTo(means["ndcg@10"]!, 12);
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
	expect(scores).toMatchObject({ reciprocalRanks: [0.5], hit1: 0, recall10: 1 });
	expect(scores.ndcg10).toBeCloseTo(1 / Math.log2(3), 12);
});

test("of equal scores the corpus' first is found first", () => {
	const corpus = unitVectors(Float32Array.of(0, 1, 1, 0, 1, 0, 1, 0), 2);
	const { reciprocalRanks } = retrievalScores(unitVectors(Float32Array.of(1, 0), 2), corpus, [new Set([2])]);
	expect(reciprocalRanks).toEqual([1 / 2]);
});
