import { describe, expect, it } from "vitest";
import { lexicalDiversity } from "./diversity.js";
import { forBase, recipeOf, widestObjective } from "./recipe.js";

/** Texts of five words, of so many different ones. */
const corpus = (words: number, texts = 4000) =>
	Array.from({ length: texts }, (_, i) => Array.from({ length: 5 }, (_, k) => `word${(i * 5 + k * 7919) % words}`).join(" "));
const of = (mean: number, deviation: number) => ({ spread: { mean, deviation }, languageModel: false });
const OPEN = { tsdae: 1 };

describe("lexical diversity", () => {
	it("counts different words, whatever their case and marks", () => {
		expect(lexicalDiversity(corpus(300))).toBe(300);
		expect(lexicalDiversity(corpus(300).map((text) => `${text.toUpperCase()}!`))).toBe(300);
	});

	it("looks at 10,000 words, wherever in the corpus they stand", () => {
		const sorted = [...corpus(10, 3000), ...corpus(5000, 3000)];
		expect(lexicalDiversity(sorted)).toBeGreaterThan(2000);
		expect(lexicalDiversity(corpus(1e6, 100_000))).toBeLessThanOrEqual(10_000);
	});

	it("goes on as a smaller corpus began", () => {
		const few = lexicalDiversity(corpus(1e6, 200));
		expect(few).toBeGreaterThan(1000);
		expect(few).toBeLessThan(10_000);
		expect(lexicalDiversity(["", "…"])).toBe(0);
	});

	it("finds words where none is between spaces", () => {
		expect(lexicalDiversity(["今日は天気がいいです", "明日は雨が降ります"])).toBeGreaterThan(5);
	});
});

describe("a recipe", () => {
	it.each([
		[500, 0.02, 0],
		[2000, 0.06, 0.375],
		[9000, 0.1, 0.75],
	])("for balanced search over %d different words has contrast %d and anchors to whitening %d", (words, contrastive, whitening) => {
		const { objective, reason } = recipeOf({ goal: "balanced", objective: OPEN }, corpus(words));
		expect(objective.contrastive).toBeCloseTo(contrastive, 2);
		expect(objective.anchor_whitening).toBeCloseTo(whitening, 1);
		expect(objective.output_whitening).toBe(0);
		expect(reason).toMatch(/goal balanced: \d+ different words/);
	});

	it("for the same item sharpens whatever the words are", () => {
		expect(recipeOf({ goal: "same_item", objective: OPEN }, corpus(200)).objective).toEqual({
			...OPEN,
			anchor: 30,
			contrastive: 0.1,
			anchor_whitening: 0.75,
			output_whitening: 0.5,
		});
	});

	it("leaves what the settings say as it is", () => {
		const given = { tsdae: 2, contrastive: 0, anchor: 5, anchor_whitening: 0.125, output_whitening: 1 };
		for (const goal of ["balanced", "same_item"] as const)
			expect(recipeOf({ goal, objective: given }, corpus(9000)).objective).toEqual(given);
	});

	it("has no whitening over too few texts, and refuses it where it is asked for", () => {
		const { objective, reason } = recipeOf({ goal: "same_item", objective: OPEN }, corpus(50, 20));
		expect(objective).toMatchObject({ contrastive: 0.1, anchor_whitening: 0, output_whitening: 0 });
		expect(reason).toMatch(/no whitening, which takes 64 texts/);
		expect(() => recipeOf({ goal: "balanced", objective: { ...OPEN, output_whitening: 0.5 } }, corpus(50, 20))).toThrowError(
			/\/objective\/output_whitening: found 0.5 for 20 texts/,
		);
	});

	it("anchors more where the base's cosines lie close together, unless the settings say otherwise", () => {
		const recipe = recipeOf({ goal: "same_item", objective: OPEN }, corpus(200));
		for (const deviation of [0, 0.05, 0.11]) expect(forBase(recipe, OPEN, of(0.8, deviation))).toEqual(recipe);
		const { objective, reason } = forBase(recipe, OPEN, of(0.84, 0.022));
		expect(objective).toEqual({ ...recipe.objective, anchor: 750 });
		expect(reason).toMatch(/an anchor of 750, .*deviation 0\.022/);
		expect(forBase(recipe, { ...OPEN, anchor: 10 }, of(0.84, 0.022))).toEqual(recipe);
	});

	it("anchors nothing to a plain language model, unless the settings say otherwise", () => {
		const recipe = recipeOf({ goal: "balanced", objective: OPEN }, corpus(200));
		const { objective, reason } = forBase(recipe, OPEN, { ...of(0.84, 0.022), languageModel: true });
		expect(objective).toEqual({ ...recipe.objective, anchor: 0 });
		expect(reason).toMatch(/no anchor, as the base is a plain language model/);
		expect(forBase(recipe, { ...OPEN, anchor: 30 }, { ...of(0.84, 0.022), languageModel: true })).toEqual(recipe);
	});

	it("is estimated at its widest", () => {
		expect(widestObjective({ goal: "balanced", objective: OPEN }).contrastive).toBeGreaterThan(0);
	});
});
