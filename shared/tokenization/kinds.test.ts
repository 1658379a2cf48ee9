/** Each kind of tokenizer against Python's: WordPiece, Unigram and byte-level BPE as the tiny models of tests/fixtures have them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadTokenizer } from "./index.js";

const FIXTURES = join(import.meta.dirname, "..", "..", "tests", "fixtures", "architectures");
const BYTE_LEVEL = ["modernbert", "qwen3", "roberta"];

interface Golden {
	readonly texts: readonly string[];
	readonly ids: readonly (readonly number[])[];
	readonly tokens: readonly { readonly text: string; readonly ids: readonly number[]; readonly offsets: readonly number[] }[];
}

describe.each(readdirSync(FIXTURES))("%s", (name) => {
	const folder = join(FIXTURES, name);
	const { texts, ids, tokens } = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as Golden;

	test("the ids are Python's", async () => {
		const tokenizer = await loadTokenizer(folder);
		for (const [i, text] of texts.entries()) expect([...tokenizer.encode(text)].slice(0, 64), text).toEqual(ids[i]);
		for (const { text, ids: expected } of tokens) expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(expected);
	});

	test("offsets are Python's, or lie over them", async () => {
		const tokenizer = await loadTokenizer(folder);
		let [told, equal] = [0, 0];
		for (const { text, offsets } of tokens) {
			for (const [i, { start, stop }] of tokenizer.tokenize(text).entries()) {
				if (start === undefined || stop === undefined) continue;
				const [a, b] = [offsets[2 * i]!, offsets[2 * i + 1]!];
				told++;
				if (start === a && stop === b) equal++;
				else expect(start <= b && a <= stop, `${JSON.stringify(text)}: token ${i} at ${start}-${stop}, Python's at ${a}-${b}`).toBe(true);
			}
		}
		expect(told).toBeGreaterThan(100);
		expect(equal / told).toBeGreaterThan(0.95);
	});
});

describe.each(BYTE_LEVEL)("byte-level BPE of %s", (name) => {
	const open = () => loadTokenizer(join(FIXTURES, name));

	test("gives any text back", async () => {
		const tokenizer = await open();
		fc.assert(
			fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (text) => {
				// A special token in the text is left out when it is decoded, and spaces before English punctuation are tidied away.
				fc.pre(!/[<[]| [.?!,']| n't/.test(text));
				expect(tokenizer.decode(tokenizer.encode(text))).toBe(name === "roberta" ? text : text.normalize("NFC"));
			}),
			{ numRuns: 300 },
		);
	});

	test.each([
		["one word", "a".repeat(1_000_000)],
		["letters of three bytes", "東京".repeat(200_000)],
		["spaces", " ".repeat(1_000_000)],
		["lines", " \n".repeat(400_000)],
		["apostrophes", "'".repeat(1_000_000)],
	])("takes a megabyte of %s", async (_, text) => {
		expect((await open()).encode(text, { maxLength: 256 }).length).toBeLessThanOrEqual(256);
	});
});

test("Unigram cuts no word into an added token", async () => {
	const folder = mkdtempSync(join(tmpdir(), "dak-unigram-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const vocab = [...["<unk>", "▁", "a", "b", "▁a"].map((piece, i) => [piece, -i])];
	const json = {
		added_tokens: [{ id: 5, content: "ab", single_word: true, special: false }],
		pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
		normalizer: null,
		post_processor: null,
		decoder: null,
		model: { type: "Unigram", unk_id: 0, vocab },
	};
	writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(json));
	writeFileSync(join(folder, "tokenizer_config.json"), "{}");
	const tokenizer = await loadTokenizer(folder);
	// Python's ids.
	expect([...tokenizer.encode("aab a")]).toEqual([1, 2, 2, 3, 1, 2]);
	expect([...tokenizer.encode("ab")]).toEqual([5]);
	expect([...tokenizer.encode("xyb")]).toEqual([1, 0, 3]);
	expect(tokenizer.decode([5])).toBe("ab");
});

describe("BPE that is not known", () => {
	const json = JSON.parse(readFileSync(join(FIXTURES, "qwen3", "tokenizer.json"), "utf8")) as {
		model: { vocab: Record<string, number>; merges: unknown[] };
		pre_tokenizer: { pretokenizers: unknown[] };
	};

	function load(change: Record<string, unknown>) {
		const folder = mkdtempSync(join(tmpdir(), "dak-bpe-"));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		writeFileSync(join(folder, "tokenizer.json"), JSON.stringify({ ...json, ...change }));
		writeFileSync(join(folder, "tokenizer_config.json"), "{}");
		return loadTokenizer(folder);
	}

	const [, bytes] = json.pre_tokenizer.pretokenizers;
	const split = (pattern: string) => ({
		type: "Sequence",
		pretokenizers: [{ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false }, bytes],
	});
	const { "!": _, ...withoutOne } = json.model.vocab;

	test.each<[string, Record<string, unknown>, RegExp]>([
		["of SentencePiece", { pre_tokenizer: { type: "Metaspace" } }, /found Metaspace for BPE; allowed: byte-level/],
		["without a pre-tokeniser", { pre_tokenizer: null }, /found none for BPE/],
		["with another pattern", { pre_tokenizer: split("(a+)+$") }, /Split with the pattern "\(a\+\)\+\$" is not supported/],
		["with bytes to fall back on", { model: { ...json.model, byte_fallback: true } }, /byte_fallback/],
		["without a byte", { model: { ...json.model, vocab: withoutOne } }, /no token for the byte 33/],
		["with a merge of nothing", { model: { ...json.model, merges: [["q", "ß"]] } }, /"ß", which is not in the vocabulary|"qß"/],
	])("is refused: %s", async (_, change, message) => {
		await expect(load(change)).rejects.toMatchObject({ reason: "INVALID_MODEL", message: expect.stringMatching(message) });
	});
});
