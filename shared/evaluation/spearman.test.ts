/** Against scipy's (tests/fixtures/golden/make_metrics.py). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compareSimilarities } from "./compare.js";
import { spearman, spearmanIntervals } from "./spearman.js";

const path = new URL("../../tests/fixtures/golden/metrics.json", import.meta.url);
const golden = (JSON.parse(readFileSync(path, "utf8")) as { spearman: Golden }).spearman;

interface Golden {
	readonly gold: readonly number[];
	readonly models: readonly (readonly number[])[];
	readonly rho: readonly number[];
	readonly group_size: number;
	readonly ci95: Record<"second" | "difference", readonly [number, number]>;
}

test("the correlation is scipy's, ties and all", () => {
	for (const [i, model] of golden.models.entries()) expect(spearman(golden.gold, model)).toBeCloseTo(golden.rho[i]!, 12);
});

test("the intervals over groups are those of resampling whole rows, as far as a thousand rounds tell", () => {
	const group = golden.gold.map((_, i) => Math.floor(i / golden.group_size));
	const { models, differences } = spearmanIntervals(golden.gold, golden.models, { group });
	for (const end of [0, 1] as const) {
		expect(Math.abs(models[1]!.ci95[end] - golden.ci95.second[end])).toBeLessThan(0.02);
		expect(Math.abs(differences[1]!.ci95[end] - golden.ci95.difference[end])).toBeLessThan(0.02);
	}
	expect(differences[0]).toEqual({ mean: 0, ci95: [0, 0] });
});

test("a model without any spread has no correlation, and one that equals the base no difference", () => {
	expect(spearman([1, 2, 3], [5, 5, 5])).toBe(0);
	expect(compareSimilarities([1, 2, 3, 4], [0.1, 0.3, 0.2, 0.4], [0.1, 0.3, 0.2, 0.4])).toMatchObject({
		metric: "spearman",
		items: 4,
		gain: 0,
		ci95: [0, 0],
	});
});
