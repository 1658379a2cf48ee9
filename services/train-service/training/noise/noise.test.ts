import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Random } from "@dak/shared/random";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NOISE_KINDS, type NoiseKind, noiseSchema } from "../../jobs/index.js";
import { createNoise, type NoiseSettings } from "./index.js";
import { neighbours } from "./keyboard.js";

const CORPUS = ["red hat", "blue scarf with stripes", "шерстяные носки", "M8x30 bolt"];
const MIXTURE: NoiseSettings = {
	kind: "mixture",
	ratio: 0.6,
	mixture: NOISE_KINDS.map((kind) => ({ kind, ratio: 0.5, weight: 1 })),
};

const settings = (kind: NoiseKind, ratio = 0.6): NoiseSettings => ({ kind, ratio });
const noise = (text: string, kind: NoiseKind, ratio = 0.6, seed = 1) => createNoise(settings(kind, ratio), CORPUS)(text, new Random(seed));
const sentence = fc.array(fc.stringMatching(/^[a-zа-я0-9]{1,9}$/), { minLength: 1, maxLength: 30 }).map((words) => words.join(" "));
const ratio = fc.double({ min: 0, max: 0.95, noNaN: true });
const WORDS = Array.from({ length: 20_000 }, (_, i) => `w${i}`).join(" ");

const property = (kind: NoiseKind, holds: (words: string[], noisy: string[], ratio: number) => void) =>
	fc.assert(
		fc.property(sentence, ratio, fc.integer(), (text, r, seed) => holds(text.split(" "), noise(text, kind, r, seed).split(" "), r)),
	);

/** Whether `part` is what is left of `whole` when some is taken away. */
function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
	let from = 0;
	return part.every((word) => {
		const at = whole.indexOf(word, from);
		from = at + 1;
		return at >= 0;
	});
}

describe("each kind does what it says and leaves a word", () => {
	test("delete keeps the order and adds nothing", () => {
		property("delete", (words, noisy) => {
			expect(noisy.length).toBeGreaterThan(0);
			expect(isSubsequence(noisy, words)).toBe(true);
		});
	});

	test("swap keeps the words", () => {
		property("swap", (words, noisy) => {
			expect(noisy.sort()).toEqual(words.sort());
		});
	});

	test("substitute keeps the places, at least one word, and takes the others from the corpus", () => {
		const corpus = CORPUS.join(" ").split(" ");
		property("substitute", (words, noisy) => {
			expect(noisy).toHaveLength(words.length);
			expect(noisy.some((word, i) => word === words[i])).toBe(true);
			for (const [i, word] of noisy.entries()) expect(word === words[i] || corpus.includes(word)).toBe(true);
		});
	});

	test("truncate keeps one run of words", () => {
		property("truncate", (words, noisy, r) => {
			expect(noisy).toHaveLength(Math.max(1, Math.round(words.length * (1 - r))));
			expect(` ${words.join(" ")} `).toContain(` ${noisy.join(" ")} `);
		});
	});

	test("typo changes a word by one letter, and never its first", () => {
		property("typo", (words, noisy) => {
			expect(noisy).toHaveLength(words.length);
			for (const [i, word] of noisy.entries()) {
				expect(Math.abs(word.length - words[i]!.length)).toBeLessThanOrEqual(1);
				expect(word[0]).toBe(words[i]![0]);
			}
		});
	});

	test.each([
		["delete", 0.4],
		["substitute", 0.4],
		["typo", 0.4],
		["truncate", 0.4],
	] as const)("%s leaves the given share as it was", (kind, share) => {
		const [words, noisy] = [WORDS.split(" "), noise(WORDS, kind).split(" ")];
		const left = noisy.length === words.length ? noisy.filter((word, i) => word === words[i]).length : noisy.length;
		// A slip may change nothing: "55" with its digits swapped.
		expect(Math.abs(left / words.length - share)).toBeLessThan(kind === "typo" ? 0.05 : 0.02);
	});
});

test("text without white space is cut at Unicode's word boundaries", () => {
	const text = "東京都の美しい庭園を散歩しました";
	const kept = noise(text, "delete");
	expect(kept.length).toBeLessThan(text.length);
	expect(kept.length).toBeGreaterThan(0);
	expect(kept).not.toContain(" ");
});

describe("keys beside each other", () => {
	test.each([
		["g", "fhtybv"],
		["q", "wa"],
		["п", "аренми"],
		["П", "АРЕНМИ"],
		["ё", "ей"],
		["5", "46"],
		["漢", ""],
		["-", ""],
	])("of %s", (key, near) => {
		expect(neighbours(key).toSorted()).toEqual([...near].sort());
	});

	test("are beside each other both ways, of one script", () => {
		const keys = [..."qwertyuiopasdfghjklzxcvbnmйцукенгшщзхъфывапролджэячсмитьбю"];
		for (const key of keys) {
			expect(neighbours(key).length).toBeGreaterThan(1);
			for (const other of neighbours(key)) expect(neighbours(other)).toContain(key);
		}
	});
});

describe("a text's noise depends on seed, epoch and text alone", () => {
	const texts = [
		"one two three four five six seven",
		"девять десять одиннадцать двенадцать",
		"solo",
		"M8x30 hex bolt with a flange, DIN 6921",
	];
	const bytes = (settings: NoiseSettings, order: readonly number[], seed: number, epoch: number) => {
		const apply = createNoise(settings, texts);
		const noisy = new Map(order.map((index) => [index, apply(texts[index]!, Random.for(seed, "noise", epoch, index))]));
		return texts.map((_, index) => noisy.get(index));
	};
	const all: NoiseSettings[] = [...NOISE_KINDS.map((kind) => settings(kind, 0.5)), MIXTURE];

	test.each(all)("$kind", (each) => {
		const first = bytes(each, [0, 1, 2, 3], 7, 0);
		expect(bytes(each, [3, 1, 0, 2], 7, 0)).toEqual(first);
		expect(bytes(each, [0, 1, 2, 3], 7, 1)).not.toEqual(first);
		expect(bytes(each, [0, 1, 2, 3], 8, 0)).not.toEqual(first);
	});

	test("and the default's is what it always was", () => {
		const corpus = readFileSync(new URL("../../../cli/demo/corpus/texts.txt", import.meta.url), "utf8")
			.trim()
			.split("\n")
			.slice(0, 500);
		const lines = [...corpus, "東京都の美しい庭園を散歩しました", "Человек в твердой шляпе танцует"];
		const apply = createNoise(noiseSchema.parse({}), lines);
		const hash = createHash("sha256");
		for (const epoch of [0, 1]) for (const [i, text] of lines.entries()) hash.update(`${apply(text, Random.for(7, "noise", epoch, i))}\n`);
		// Figures of earlier runs rest on this stream.
		expect(hash.digest("hex")).toBe("6664610767e59fe12d5040883c56b1e597461bb26a35410d4b1e15cac3f1e20a");
	});
});

test("a mixture gives each kind its share of the texts", () => {
	const mixture: NoiseSettings = {
		kind: "mixture",
		ratio: 0.6,
		mixture: [
			{ kind: "truncate", ratio: 0.5, weight: 3 },
			{ kind: "swap", ratio: 0.5, weight: 1 },
		],
	};
	const apply = createNoise(mixture, CORPUS);
	const counts = Array.from({ length: 4000 }, (_, i) => apply("a b c d e f", Random.for(1, "noise", 0, i)).split(" ").length);
	expect(counts.filter((count) => count === 3).length / counts.length).toBeCloseTo(0.75, 1);
});

test("a mixture without parts, and parts without a mixture, are refused", () => {
	expect(noiseSchema.safeParse({ kind: "mixture" }).success).toBe(false);
	expect(noiseSchema.safeParse({ kind: "delete", mixture: [{ kind: "swap" }] }).success).toBe(false);
	expect(noiseSchema.safeParse({ kind: "mixture", mixture: [{ kind: "typo", ratio: 0.1 }] }).success).toBe(true);
});
