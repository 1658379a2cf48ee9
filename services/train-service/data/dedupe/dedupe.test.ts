import { readFileSync } from "node:fs";
import { Random } from "@dak/shared/random";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { areNearDuplicates, comparable, jaccard, NearDuplicates, SeenTexts } from "./index.js";

const THRESHOLD = 0.9;
const near = (a: string, b: string) => areNearDuplicates(comparable(a), comparable(b), THRESHOLD);

function kept(texts: readonly string[], threshold = THRESHOLD): string[] {
	const index = new NearDuplicates({ threshold, seed: 1, textOf: (id) => texts[id]! });
	return texts.filter((text, id) => index.addNew(id, text) === undefined);
}

describe("texts that say the same are near-duplicates", () => {
	test.each([
		["case and punctuation", "Pumping Lemma: a problem?", "pumping lemma a problem"],
		["a word more", "Can you tell me why I haven't received my new card yet?", "Can you tell me why I haven't received my new card?"],
		[
			"a word twice",
			"Context free grammar for the language of all words over a and b",
			"Context free grammar for the the language of all words over a and b",
		],
	])("%s", (_, a, b) => {
		expect(near(a, b)).toBe(true);
	});
});

describe("variants of a thing are not, however long the rest is", () => {
	const rest = "with a long description that is the same for every one of the variants that the shop has on offer today";
	test.each([
		["a number", "iPhone 12", "iPhone 13"],
		["a number in a word", `Hex bolt M8x30 ${rest}`, `Hex bolt M8x35 ${rest}`],
		["a part code", `Valve BV-100A ${rest}`, `Valve BV-100B ${rest}`],
		["a decimal point", `Cable 1.5 m ${rest}`, `Cable 15 m ${rest}`],
		["a colour", `Chair red ${rest}`, `Chair blue ${rest}`],
		["a size", `Shirt, size L, ${rest}`, `Shirt, size XL, ${rest}`],
		["a name in Russian", `Подарок Наташе ${rest}`, `Подарок Людмиле ${rest}`],
		["a sign", `C++ programming ${rest}`, `C# programming ${rest}`],
		["with and without", `Motor with brake ${rest}`, `Motor no brake ${rest}`],
	])("%s", (_, a, b) => {
		expect(near(a, b)).toBe(false);
		expect(kept([a, b])).toEqual([a, b]);
	});
});

const words = fc.array(fc.constantFrom(..."ab bc cd de ef fg gh hi ij jk 12 13".split(" ")), { minLength: 1, maxLength: 40 });

test("what is removed is a near-duplicate of what stays, and the first of each stays", () => {
	fc.assert(
		fc.property(fc.array(words, { minLength: 1, maxLength: 30 }), (lists) => {
			const texts = lists.map((list) => list.join(" "));
			const left = kept(texts);
			expect(left[0]).toBe(texts[0]);
			for (const text of texts) if (!left.includes(text)) expect(left.some((other) => near(text, other))).toBe(true);
		}),
	);
});

test("of near-duplicates that there are, nearly all are found", () => {
	const corpus = readFileSync(new URL("../../../cli/demo/corpus/texts.txt", import.meta.url), "utf8")
		.trim()
		.split("\n")
		.slice(0, 1000);
	const random = new Random(3);
	// Long texts, each once more with a word added at random.
	const long = Array.from({ length: 1000 }, (_, i) => [0, 1, 2].map((j) => corpus[(i * 7 + j * 331) % 1000]).join(" "));
	const changed = long.map((text) => {
		const list = text.split(" ");
		list.splice(random.below(list.length), 0, "also");
		return list.join(" ");
	});
	const planted = changed.filter((text, i) => near(text, long[i]!));
	const all = [...long, ...planted];
	const found = all.length - kept(all).length;
	expect(planted.length).toBeGreaterThan(900);
	expect(found / planted.length).toBeGreaterThan(0.99);
});

test("the demo's corpus and its variants stay whole", () => {
	const corpus = readFileSync(new URL("../../../cli/demo/corpus/texts.txt", import.meta.url), "utf8")
		.trim()
		.split("\n");
	expect(kept(corpus)).toEqual(corpus);
});

test("jaccard is that of sets", () => {
	const sets = fc.uniqueArray(fc.nat(20), { minLength: 1 });
	fc.assert(
		fc.property(sets, sets, (a, b) => {
			const sorted = (list: number[]) => Uint32Array.from(list).sort();
			const union = new Set([...a, ...b]).size;
			expect(jaccard(sorted(a), sorted(b))).toBeCloseTo((a.length + b.length - union) / union);
		}),
	);
});

test("a text is new once, and a hundred thousand texts are all told apart", () => {
	const seen = new SeenTexts();
	const count = 100_000;
	const added = Array.from({ length: count }, (_, i) => seen.add(`text ${i}`));
	expect(added.every(Boolean)).toBe(true);
	expect(added.some((_, i) => seen.add(`text ${i}`))).toBe(false);
	expect(seen.size).toBe(count);
});
