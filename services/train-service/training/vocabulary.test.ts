import { describe, expect, it } from "vitest";
import { Vocabulary } from "./vocabulary.js";

const TABLE = 1000;
const TEXTS = [Int32Array.of(5, 900, 7), Int32Array.of(7, 12)];
const sampled = (count: number, seed = 1) => Vocabulary.sampled(TEXTS, TABLE, { count, seed }, [0]);

describe("a sampled vocabulary", () => {
	it("has every token of the texts, and as many others as asked for, each row once and ascending", () => {
		const { rows } = sampled(100);
		expect([...rows]).toEqual([...new Set(rows)].sort((a, b) => a - b));
		expect([...rows]).toEqual(expect.arrayContaining([0, 5, 7, 12, 900]));
		expect(rows).toHaveLength(105);
	});

	it("lets each drawn token stand for as many as it was drawn from, and the texts' own for themselves", () => {
		const { rows, logitBias } = sampled(100);
		rows.forEach((row, i) => {
			const own = [0, 5, 7, 12, 900].includes(row);
			expect(logitBias[i]).toBeCloseTo(own ? 0 : Math.log((TABLE - 5) / 100), 6);
		});
	});

	it("estimates the sum over all rows without bias", () => {
		const logit = (row: number) => Math.sin(row) * 2;
		const all = Array.from({ length: TABLE }, (_, row) => Math.exp(logit(row))).reduce((a, b) => a + b);
		const estimates = Array.from({ length: 200 }, (_, seed) => {
			const { rows, logitBias } = sampled(100, seed);
			return rows.reduce((sum, row, i) => sum + Math.exp(logit(row) + logitBias[i]!), 0);
		});
		const mean = estimates.reduce((a, b) => a + b) / estimates.length;
		expect(mean / all).toBeGreaterThan(0.98);
		expect(mean / all).toBeLessThan(1.02);
	});

	it("is the same for the same seed, and another for another", () => {
		expect(sampled(100, 3).rows).toEqual(sampled(100, 3).rows);
		expect(sampled(100, 3).rows).not.toEqual(sampled(100, 4).rows);
	});

	it("is the whole table where there are no more others than it would draw", () => {
		expect(sampled(995).whole).toBe(true);
		expect([...sampled(995).logitBias].every((bias) => bias === 0)).toBe(true);
		expect(sampled(994).whole).toBe(false);
	});
});

describe("the corpus' vocabulary", () => {
	it("has the texts' tokens alone", () => {
		expect([...Vocabulary.of(TEXTS, TABLE, [0]).rows]).toEqual([0, 5, 7, 12, 900]);
	});

	it("remaps what only noise makes to another token", () => {
		const vocabulary = Vocabulary.of(TEXTS, TABLE, [0]);
		expect([...vocabulary.remap(Int32Array.of(7, 300), 0)]).toEqual([2, 0]);
		expect(() => vocabulary.remap(Int32Array.of(300))).toThrow(/token 300/);
	});

	it("refuses an id outside the table", () => {
		expect(() => Vocabulary.of([Int32Array.of(TABLE)], TABLE)).toThrow(/id 1000.*1000 rows/);
	});
});
