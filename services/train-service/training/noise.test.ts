import { Random } from "@dak/shared/nn";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addNoise } from "./noise.js";

const noise = (text: string, kind: "delete" | "swap" | "typo", ratio = 0.6, seed = 1) => addNoise(text, { kind, ratio }, new Random(seed));
const sentence = fc.array(fc.stringMatching(/^[a-zа-я0-9]{1,9}$/), { minLength: 1, maxLength: 30 }).map((words) => words.join(" "));

test("deletion keeps the order, adds nothing and never empties a text", () => {
	fc.assert(
		fc.property(sentence, fc.integer(), (text, seed) => {
			const kept = noise(text, "delete", 0.6, seed).split(" ");
			expect(kept.length).toBeGreaterThan(0);
			let from = 0;
			const words = text.split(" ");
			for (const word of kept) {
				from = words.indexOf(word, from) + 1;
				expect(from).toBeGreaterThan(0);
			}
		}),
	);
});

test("deletion takes the given share of the words", () => {
	const words = Array.from({ length: 20_000 }, (_, i) => `w${i}`).join(" ");
	expect(noise(words, "delete", 0.6).split(" ").length / 20_000).toBeCloseTo(0.4, 1);
});

test("swapping keeps the words", () => {
	fc.assert(
		fc.property(sentence, fc.integer(), (text, seed) => {
			expect(noise(text, "swap", 0.5, seed).split(" ").sort()).toEqual(text.split(" ").sort());
		}),
	);
});

test("typos change each word by one letter at most", () => {
	fc.assert(
		fc.property(sentence, fc.integer(), (text, seed) => {
			const words = text.split(" ");
			noise(text, "typo", 1, seed)
				.split(" ")
				.forEach((word, i) => {
					expect(Math.abs(word.length - words[i]!.length)).toBeLessThanOrEqual(1);
				});
		}),
	);
});

test("text without white space is cut at Unicode's word boundaries", () => {
	const text = "東京都の美しい庭園を散歩しました";
	const kept = noise(text, "delete", 0.6);
	expect(kept.length).toBeLessThan(text.length);
	expect(kept.length).toBeGreaterThan(0);
});

test("the same seed gives the same noise, another seed another", () => {
	const text = Array.from({ length: 50 }, (_, i) => `w${i}`).join(" ");
	expect(noise(text, "delete", 0.6, 5)).toBe(noise(text, "delete", 0.6, 5));
	expect(noise(text, "delete", 0.6, 5)).not.toBe(noise(text, "delete", 0.6, 6));
});
