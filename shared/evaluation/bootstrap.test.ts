import { expect, test } from "vitest";
import { Random } from "../random/index.js";
import { pairedBootstrap } from "./bootstrap.js";
import { verdictOf } from "./verdict.js";

test("one seed gives one interval, another seed another", () => {
	const differences = [0.5, -0.25, 0, 0.1, 0.3, -0.5, 0.2];
	expect(pairedBootstrap(differences, { seed: 3 })).toEqual(pairedBootstrap(differences, { seed: 3 }));
	expect(pairedBootstrap(differences, { seed: 3 }).ci95).not.toEqual(pairedBootstrap(differences, { seed: 4 }).ci95);
});

test("the interval of many draws is that of the normal distribution", () => {
	const random = new Random(5);
	const differences = Array.from({ length: 400 }, () => 0.1 + random.normal());
	const { mean, ci95 } = pairedBootstrap(differences, { rounds: 4000 });
	const deviation = Math.sqrt(differences.reduce((sum, x) => sum + (x - mean) ** 2, 0) / differences.length);
	const half = (1.96 * deviation) / Math.sqrt(differences.length);
	expect(ci95[0]).toBeCloseTo(mean - half, 2);
	expect(ci95[1]).toBeCloseTo(mean + half, 2);
});

test("where nothing differs there is no gain and no width", () => {
	expect(pairedBootstrap([0, 0, 0])).toEqual({ mean: 0, ci95: [0, 0] });
});

test.each([
	[[0.01, 0.2], "improved"],
	[[-0.2, -0.01], "regressed"],
	[[-0.01, 0.2], "no_change"],
	[[0, 0.2], "no_change"],
	[[-0.2, 0], "no_change"],
] as const)("an interval of %j allows to say %s", ([low, high], verdict) => {
	expect(verdictOf({ ci95: [low, high] })).toBe(verdict);
});
