/** Against what numpy and scipy compute (tests/fixtures/golden/make_metrics.py). */
import { readFileSync } from "node:fs";
import { dotOf, meansOf, retrievalScores, rowOf, unitVectors } from "@dak/shared/evaluation";
import { expect, test } from "vitest";
import { Eigenbasis, FREE_BASELINES, type FreeBaseline } from "./free-baselines.js";
import { hubness } from "./hubness.js";

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../../tests/fixtures/golden/${name}.json`, import.meta.url), "utf8"));
const source = read("evaluation") as { dimension: number; corpus: string; queries: { base: string }; relevant: number[][] };
const golden = read("metrics") as {
	hubness: { k: number; skewness: number };
	whitened: Record<FreeBaseline, { cosines: number[]; means: Record<string, number> }>;
};
const vectors = (packed: string) => unitVectors(new Float32Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer), source.dimension);
const [corpus, queries] = [vectors(source.corpus), vectors(source.queries.base)];

test.each(Object.entries(FREE_BASELINES))("%s vectors have numpy's cosines and metrics", (name, power) => {
	const basis = Eigenbasis.of(corpus);
	const [q, c] = [queries, corpus].map((set) => basis.scaled(basis.rotate(set), power)) as [typeof corpus, typeof corpus];
	const { cosines, means } = golden.whitened[name as FreeBaseline];
	for (const [i, cosine] of cosines.entries()) expect(dotOf(rowOf(q, 0), rowOf(c, i))).toBeCloseTo(cosine, 5);
	const found = meansOf(
		retrievalScores(
			q,
			c,
			source.relevant.map((rows) => new Set(rows)),
		),
	);
	for (const [metric, value] of Object.entries(means)) expect(found[metric as keyof typeof found]).toBeCloseTo(value, 12);
});

test("hubness is scipy's skewness", () => {
	expect(hubness(corpus, golden.hubness.k)).toBeCloseTo(golden.hubness.skewness, 10);
});

test("fewer texts than dimensions: a direction that they do not have is not blown up", () => {
	const few = unitVectors(Float32Array.of(1, 0, 0, 0, 1, 0, 1, 1, 0), 3);
	const basis = Eigenbasis.of(few);
	const { data } = basis.scaled(basis.rotate(unitVectors(Float32Array.of(1, 0, 0.001), 3)), FREE_BASELINES.half_whitened);
	expect(data.every(Number.isFinite)).toBe(true);
	expect(Math.abs(data[0]!)).toBeLessThan(0.05);
});
