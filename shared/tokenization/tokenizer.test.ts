import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { loadTokenizer, type Tokenizer } from "./index.js";

interface Oracle {
	readonly ids: number[];
	/** In UTF-8 bytes: start and stop of each token in turn. */
	readonly offsets: number[];
	readonly left: number[];
	readonly right: number[];
}
type Case = { readonly text: string; readonly knownDivergence: readonly string[] } & Record<string, Oracle>;

const FIXTURE = join(import.meta.dirname, "..", "..", "tests", "fixtures", "tokens", "tokens.json.gz");
const { max_length: maxLength, cases } = JSON.parse(gunzipSync(readFileSync(FIXTURE)).toString("utf8")) as {
	max_length: number;
	cases: Case[];
};
const models = process.env.DAK_TEST_MODELS ?? "";
const present = (name: string): boolean => {
	try {
		return readFileSync(join(models, name, "tokenizer.json")).length > 0;
	} catch {
		return false;
	}
};

for (const name of ["all-MiniLM-L6-v2", "multilingual-e5-small"]) {
	// Only the first of them is fetched for tests; the other is used where it is (tests/setup-models.ts).
	describe.skipIf(!present(name))(`${name} against Python's tokenizers, on ${cases.length} texts`, () => {
		let tokenizer: Tokenizer;
		const alike = cases.filter((entry) => !entry.knownDivergence.includes(name));
		beforeAll(async () => {
			tokenizer = await loadTokenizer(join(models, name));
		});

		test("the ids are equal", () => {
			expect(alike.filter(({ text, [name]: oracle }) => !same(tokenizer.encode(text), oracle!.ids)).map(({ text }) => text)).toEqual([]);
		});

		test("the ids are equal where a text is cut, at either end", () => {
			for (const { text, [name]: oracle } of alike) {
				expect([...tokenizer.encode(text, { maxLength })], text).toEqual(oracle!.right);
				expect([...tokenizer.encode(text, { maxLength, truncationDirection: "left" })], text).toEqual(oracle!.left);
			}
		});

		test("known divergences still are some", () => {
			const diverging = cases.filter((entry) => entry.knownDivergence.includes(name));
			expect(diverging.filter(({ text, [name]: oracle }) => same(tokenizer.encode(text), oracle!.ids)).map(({ text }) => text)).toEqual([]);
		});

		test("tokens have the ids of encode(), and offsets that slice the text to what they say", () => {
			for (const { text } of cases) {
				const pieces = tokenizer.tokenize(text);
				const bytes = Buffer.from(text);
				expect(pieces.map(({ id }) => id)).toEqual([...tokenizer.encode(text)]);
				for (const piece of pieces.filter(({ start }) => start !== undefined))
					expect(bytes.subarray(piece.start, piece.stop).toString("utf8")).toBe(piece.text);
			}
		});

		test("of the offsets that are told, nearly all are Python's, and every one covers or lies in Python's", () => {
			let told = 0;
			let equal = 0;
			for (const { text, [name]: oracle } of alike) {
				for (const [i, { start, stop }] of tokenizer.tokenize(text).entries()) {
					if (start === undefined || stop === undefined) continue;
					const [a, b] = [oracle!.offsets[2 * i]!, oracle!.offsets[2 * i + 1]!];
					told++;
					if (start === a && stop === b) equal++;
					else expect(start <= b && a <= stop, `${JSON.stringify(text)}: token ${i} at ${start}-${stop}, Python's at ${a}-${b}`).toBe(true);
				}
			}
			expect(equal / told).toBeGreaterThan(0.98);
		});

		test.each([
			["one word", "a".repeat(1_000_000)],
			["one word of many pieces", "абвгдежзик".repeat(100_000)],
			["punctuation", ".".repeat(1_000_000)],
			["emoji", "👩‍💻".repeat(90_000)],
			["spaces before a token", `${" ".repeat(1_000_000)}<mask>`],
			["added tokens", "[MASK]<mask>".repeat(80_000)],
		])("a megabyte of %s takes seconds, not minutes", (_, text) => {
			const started = performance.now();
			expect(tokenizer.encode(text, { maxLength: 256 }).length).toBeLessThanOrEqual(256);
			expect(performance.now() - started).toBeLessThan(20_000);
		});

		test.each([
			["a lone surrogate", "a\uD800b"],
			["marks that no library can order in time", `a${"\u0301\u0323".repeat(300_000)}`],
		])("%s is refused", (_, text) => {
			for (const call of [() => tokenizer.encode(text), () => tokenizer.tokenize(text)])
				expect(call).toThrow(expect.objectContaining({ reason: "TOKENIZATION_FAILED" }));
		});
	});
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
	return a.length === b.length && Array.from(a).every((value, i) => value === b[i]);
}

describe("all-MiniLM-L6-v2", () => {
	let tokenizer: Tokenizer;
	beforeAll(async () => {
		tokenizer = await loadTokenizer(join(models, "all-MiniLM-L6-v2"));
	});

	test("tokens say which part of the text they stand for, as Text Embeddings Inference has it", () => {
		expect(tokenizer.tokenize("Größe [SEP]")).toEqual([
			{ id: 101, text: "[CLS]", special: true },
			{ id: 24665, text: "Gr", special: false, start: 0, stop: 2 },
			{ id: 2080, text: "ö", special: false, start: 2, stop: 4 },
			expect.objectContaining({ text: expect.stringMatching(/^ß/), start: 4 }),
			{ id: 102, text: "[SEP]", special: false, start: 8, stop: 13 },
			{ id: 102, text: "[SEP]", special: true },
		]);
	});

	test("special tokens are left out when they are not wanted, and kept when a text is cut", () => {
		expect([...tokenizer.encode("hello", { addSpecialTokens: false })]).toEqual([7592]);
		expect([...tokenizer.encode("hello hello hello", { maxLength: 3 })]).toEqual([101, 7592, 102]);
		expect([...tokenizer.encode("hello", { maxLength: 2 })]).toEqual([101, 102]);
	});

	test("ids are read back", () => {
		expect(tokenizer.decode(tokenizer.encode("hello world"))).toBe("hello world");
		expect(tokenizer.decode(tokenizer.encode("hello world"), { skipSpecialTokens: false })).toBe("[CLS] hello world [SEP]");
		expect(tokenizer.decode([])).toBe("");
	});
});

describe("a tokenizer.json that is not to be trusted is refused with what is wrong", () => {
	const vocab = { "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, a: 3 };
	const good = {
		version: "1.0",
		added_tokens: [],
		normalizer: null,
		pre_tokenizer: { type: "BertPreTokenizer" },
		post_processor: null,
		decoder: null,
	};
	const model = { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab };
	const replace = (pattern: string) => ({ normalizer: { type: "Replace", pattern: { Regex: pattern }, content: "" } });

	async function load(content: unknown): Promise<Tokenizer> {
		const folder = mkdtempSync(join(tmpdir(), "dak-tokenizer-"));
		try {
			writeFileSync(join(folder, "tokenizer.json"), typeof content === "string" ? content : JSON.stringify(content));
			writeFileSync(join(folder, "tokenizer_config.json"), "{}");
			return await loadTokenizer(folder);
		} finally {
			rmSync(folder, { recursive: true });
		}
	}

	test("a small good one opens", async () => {
		expect([...(await load({ ...good, model })).encode("a b")]).toEqual([3, 0]);
	});

	test.each([
		["no JSON", "{", /no JSON/],
		["no object", "[]", /tokenizer\.json/],
		["another model", { ...good, model: { type: "WordLevel", vocab: {}, unk_token: "a" } }, /model/],
		[
			"an unknown token outside the vocabulary",
			{ ...good, model: { ...model, unk_token: "?" } },
			/unk_token "\?" is not in the vocabulary/,
		],
		["an id that would fill the memory", { ...good, model: { ...model, vocab: { ...vocab, b: 2 ** 40 } } }, /vocab\/b.*1099511627776/],
		["an unknown normaliser", { ...good, model, normalizer: { type: "Rot13" } }, /Rot13/],
		["a pattern that backtracks", { ...good, model, ...replace("(a+)+$") }, /pattern "\(a\+\)\+\$" is not supported/],
		["alternatives", { ...good, model, ...replace("a|b") }, /not supported/],
		[
			"an unknown id beyond the vocabulary",
			{ ...good, model: { type: "Unigram", vocab: [["a", 0]], unk_id: 5 } },
			/unk_id is 5, allowed: below 1/,
		],
	])("%s", async (_, content, message) => {
		await expect(load(content)).rejects.toMatchObject({ reason: "INVALID_MODEL", message: expect.stringMatching(message) });
	});

	test("a folder without one", async () => {
		await expect(loadTokenizer(tmpdir())).rejects.toMatchObject({ reason: "INVALID_MODEL" });
	});
});
