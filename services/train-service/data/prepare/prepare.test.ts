import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { areNearDuplicates, comparable } from "../dedupe/index.js";
import { DEFAULT_PREPARATION, type PreparationOptions, prepareTexts } from "./index.js";

const MINILM = { ref: "all-MiniLM-L6-v2", folder: join(process.env.DAK_TEST_MODELS!, "all-MiniLM-L6-v2"), maxLength: 64 };
const DEMO = readFileSync(new URL("../../../cli/demo/corpus/texts.txt", import.meta.url), "utf8")
	.trim()
	.split("\n");

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-prepare-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function* from(texts: Iterable<string>): AsyncGenerator<string> {
	yield* texts;
}

const lines = (path: string): string[] =>
	existsSync(path)
		? readFileSync(path, "utf8")
				.trimEnd()
				.split("\n")
				.map((line) => JSON.parse(line) as string)
		: [];

async function prepare(texts: Iterable<string>, options: Partial<PreparationOptions> = {}, base: typeof MINILM | null = MINILM) {
	const outputs = { texts: join(folder, "out.jsonl"), validation: join(folder, "held-out.jsonl") };
	const statistics = await prepareTexts(from(texts), outputs, { ...DEFAULT_PREPARATION, ...options }, base ?? undefined);
	return { statistics, texts: lines(outputs.texts), heldOut: lines(outputs.validation) };
}

test("the demo's corpus comes out as it is", async () => {
	const { statistics, texts } = await prepare(DEMO);
	expect(texts).toEqual(DEMO);
	expect(statistics).toMatchObject({
		texts: 3585,
		records: 3585,
		duplicates_removed: 0,
		near_duplicates_removed: 0,
		split: { texts: 0, added: 0 },
		tokens: { base_model: "all-MiniLM-L6-v2", over_limit: 0, unknown_rate: 0 },
		warnings: [],
	});
	expect(statistics.languages[0]!.language).toBe("en");
});

test("every text that was read is accounted for", async () => {
	const doubles = ["", "  ", ...DEMO.slice(0, 50), "PUMPING LEMMA!", "Pumping lemma", DEMO[0]!];
	const { statistics: s } = await prepare(doubles, { maxTexts: 40, validationRatio: 0.3 });
	const left = s.blank_removed + s.duplicates_removed + s.near_duplicates_removed + s.sampled_out + s.texts + s.validation_texts;
	expect(left).toBe(s.records + s.split.added);
	expect(s).toMatchObject({ records: 55, blank_removed: 2, duplicates_removed: 1, sampled_out: 12 });
});

describe("long texts", () => {
	const sentence = "The committee has considered the report on water in the northern districts and asks for a second opinion.";
	const document = Array.from({ length: 12 }, (_, i) => `${sentence} It is number ${"abcdefghijkl"[i]} of the twelve that were read.`).join(
		"\n",
	);
	const texts = ["short one", "short two", "one that is somewhat longer", document];

	test("are split into pieces that fit, the base model's tokens counted", async () => {
		const { statistics, texts: out } = await prepare(texts);
		expect(out.length).toBeGreaterThan(6);
		expect(statistics.split).toEqual({ texts: 1, added: statistics.texts + statistics.duplicates_removed - 4 });
		expect(statistics.tokens!.max).toBeLessThanOrEqual(64);
	});

	test("or left to be cut, or left out", async () => {
		expect((await prepare(texts, { longTexts: "cut" })).statistics).toMatchObject({ texts: 4, tokens: { over_limit: 1 } });
		expect((await prepare(texts, { longTexts: "drop" })).statistics).toMatchObject({ texts: 3, too_long_removed: 1 });
		expect((await prepare(texts, { longTexts: "cut", minTokens: 3 })).statistics).toMatchObject({ too_short_removed: 2 });
	});
});

describe("texts held out for validation", () => {
	const forms = (text: string) => [text, `${text}!`, text.toUpperCase(), `${text} now`];
	const texts = DEMO.slice(0, 200).flatMap(forms);

	test.each([0.9, 1])("share no near-duplicate with those trained on (near_duplicates %d)", async (nearDuplicates) => {
		const { statistics, texts: training, heldOut } = await prepare(texts, { nearDuplicates, validationRatio: 0.25 });
		expect(heldOut.length).toBe(statistics.validation_texts);
		expect(heldOut.length / (training.length + heldOut.length)).toBeGreaterThan(0.12);
		expect(heldOut.length / (training.length + heldOut.length)).toBeLessThan(0.4);
		const trained = training.map(comparable);
		for (const text of heldOut.map(comparable)) expect(trained.some((other) => areNearDuplicates(text, other, 0.9))).toBe(false);
		if (nearDuplicates === 1) expect(training.length + heldOut.length).toBe(new Set(texts).size);
	});

	test("are the same for the same seed, others for another", async () => {
		const of = async (seed: number) => (await prepare(DEMO.slice(0, 300), { validationRatio: 0.1, seed })).heldOut;
		const first = await of(1);
		expect(await of(1)).toEqual(first);
		expect(await of(2)).not.toEqual(first);
	});
});

test("more texts than allowed are thinned out to exactly that many, in order, the same for the same seed", async () => {
	const options = { maxTexts: 100, nearDuplicates: 1 };
	const { texts } = await prepare(DEMO, options);
	expect(texts).toHaveLength(100);
	expect(texts).toEqual(DEMO.filter((text) => texts.includes(text)));
	expect((await prepare(DEMO, options)).texts).toEqual(texts);
});

test("texts are read no faster than they are written, so what is held does not grow with the data", async () => {
	const outputs = { texts: join(folder, "out.jsonl"), validation: join(folder, "held-out.jsonl") };
	const ahead: number[] = [];
	function* source(): Generator<string> {
		for (let i = 0, bytes = 0; i < 3000; i++) {
			const text = `${i} ${"word ".repeat(2000)}`;
			bytes += text.length;
			if (i > 0 && i % 100 === 0) ahead.push(bytes - statSync(`${outputs.texts}.cleaned`).size);
			yield text;
		}
	}
	await prepareTexts(from(source()), outputs, { ...DEFAULT_PREPARATION, nearDuplicates: 1 });
	expect(ahead).toHaveLength(29);
	expect(Math.max(...ahead)).toBeLessThan(1_000_000);
});

describe("unusable texts are refused, and nothing half-written stays", () => {
	test.each<[name: string, texts: string[], says: string]>([
		["none", [], "found 0 different texts"],
		["one line again and again", Array.from({ length: 500 }, () => "the same line"), "found 1 different text,"],
		["one line in other words", ["The same line", "the same line!", "THE SAME LINE"], "found 1 different text,"],
		["numbers only", Array.from({ length: 500 }, (_, i) => `${i} ${i * 7}.5`), "without a single letter (such as"],
	])("%s", async (_, texts, says) => {
		await expect(prepare(texts)).rejects.toMatchObject({ reason: "INVALID_DATASET", message: expect.stringContaining(says) });
		expect(readdirSync(folder)).toEqual([]);
	});

	test("a script that the base has no tokens for", async () => {
		const cherokee = Array.from({ length: 200 }, (_, i) => `ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᏂᎦᏓ ${i}`);
		expect((await prepare(cherokee)).statistics.warnings.join()).toMatch(/of the tokens are unknown to all-MiniLM-L6-v2/);
		await expect(prepare(cherokee, { refuseUnknown: true })).rejects.toMatchObject({
			message: expect.stringMatching(/found \d+ % of the tokens unknown to all-MiniLM-L6-v2, allowed: 50 %/),
		});
	});
});

describe("what looks wrong is said", () => {
	const russian = "река дом стол окно белый новый старый быстро город книга вода дорога школа письмо утро".split(" ");
	const phrases = Array.from({ length: 200 }, (_, i) => [0, 3, 7, 11].map((j) => russian[(i * (j + 1) + j + (i >> 4)) % 15]).join(" "));
	test.each<[name: string, texts: string[], says: RegExp]>([
		["20 lines", DEMO.slice(0, 20), /^20 texts are few/],
		["mostly numbers", [...DEMO.slice(0, 40), ...Array.from({ length: 100 }, (_, i) => `${i}.${i}`)], /100 of 140 texts hold no letter/],
		["a column of kinds", Array.from({ length: 1000 }, (_, i) => DEMO[i % 150]!), /850 of 1000 texts say what another says/],
		["a language that the base spells", phrases, /cuts words into pieces of 1\.\d letters.*multilingual/],
	])("%s", async (_, texts, says) => {
		expect((await prepare(texts, { nearDuplicates: 1 })).statistics.warnings).toEqual([expect.stringMatching(says)]);
	});
});

test("without a base model at hand nothing is said of tokens", async () => {
	expect((await prepare(DEMO.slice(0, 200), {}, null)).statistics.tokens).toBeNull();
});
