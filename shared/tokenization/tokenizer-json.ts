/** Reads tokenizer.json, which strangers write: sizes, ids and patterns are checked before anything is built from them. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DakError, parseOrThrow } from "../errors/index.js";

/** Largest tokenizer.json that is read: the biggest vocabularies in use take about 40 MB. */
const MAX_FILE_BYTES = 100 * 1024 * 1024;
/** Ids index arrays, so a single huge one would cost memory. */
const MAX_ID = 4_000_000;

const id = z.int().min(0).max(MAX_ID);
const addedToken = z.looseObject({
	id,
	content: z.string().min(1).max(1000),
	special: z.boolean().default(false),
	lstrip: z.boolean().default(false),
	rstrip: z.boolean().default(false),
	single_word: z.boolean().default(false),
	normalized: z.boolean().optional(),
});
const step = z.looseObject({ type: z.string() });
const wordPiece = z.looseObject({
	type: z.literal("WordPiece"),
	vocab: z.record(z.string(), id),
	unk_token: z.string(),
	continuing_subword_prefix: z.string().max(16).default("##"),
	max_input_chars_per_word: z.int().min(1).max(1000).default(100),
});
const unigram = z.looseObject({
	type: z.literal("Unigram"),
	vocab: z.array(z.tuple([z.string().max(1000), z.number()])).max(MAX_ID),
	unk_id: id,
	byte_fallback: z.literal(false).optional(),
});
const none = z.union([z.null(), z.literal("")]).optional();
const piece = z.string().max(1000);
const bpe = z.looseObject({
	type: z.literal("BPE"),
	vocab: z.record(z.string(), id),
	merges: z.array(z.union([z.tuple([piece, piece]), z.string().regex(/^[^ ]+ [^ ]+$/u)])).max(MAX_ID),
	unk_token: z.string().nullish(),
	continuing_subword_prefix: none,
	end_of_word_suffix: none,
	byte_fallback: z.literal(false).optional(),
	ignore_merges: z.boolean().optional(),
});
const tokenizerJson = z.looseObject({
	added_tokens: z.array(addedToken).max(100_000).default([]),
	normalizer: step.nullish(),
	pre_tokenizer: step.nullish(),
	post_processor: step.nullish(),
	decoder: step.nullish(),
	model: z.discriminatedUnion("type", [wordPiece, unigram, bpe]),
});

export type TokenizerJson = z.output<typeof tokenizerJson>;
export type AddedToken = z.output<typeof addedToken>;

export interface TokenizerFiles {
	readonly json: TokenizerJson;
	readonly config: Record<string, unknown>;
	/** SHA-256 of tokenizer.json, hex. */
	readonly hash: string;
}

/** @throws INVALID_MODEL naming the file and what is wrong with it */
export function readTokenizerFiles(folder: string): TokenizerFiles {
	const bytes = readLimited(join(folder, "tokenizer.json"));
	const json = checked(tokenizerJson, parse("tokenizer.json", bytes), "tokenizer.json");
	const { model } = json;
	if (model.type === "WordPiece" && !Object.hasOwn(model.vocab, model.unk_token))
		invalid(`model.unk_token ${JSON.stringify(model.unk_token)} is not in the vocabulary`);
	if (model.type === "Unigram" && model.unk_id >= model.vocab.length)
		invalid(`model.unk_id is ${model.unk_id}, allowed: below ${model.vocab.length}`);
	// Those of byte-level BPE are compared with known ones, where they are used.
	for (const part of [json.normalizer, model.type === "BPE" ? null : json.pre_tokenizer]) checkPatterns(part);
	const config = checked(
		z.looseObject({}),
		parse("tokenizer_config.json", readLimited(join(folder, "tokenizer_config.json"))),
		"tokenizer_config.json",
	);
	return { json, config, hash: createHash("sha256").update(bytes).digest("hex") };
}

function invalid(detail: string, cause?: unknown): never {
	throw new DakError("INVALID_MODEL", `tokenizer.json: ${detail}`, { cause });
}

function checked<S extends z.ZodType>(schema: S, value: unknown, name: string): z.output<S> {
	try {
		return parseOrThrow(schema, value, "INVALID_MODEL");
	} catch (error) {
		// A broken vocabulary has a fault in each of its entries: the first says enough.
		const { fields } = error as DakError;
		const [first] = fields;
		throw new DakError("INVALID_MODEL", `${name}: ${first?.pointer || "/"}: ${first?.detail}`, { fields: fields.slice(0, 1) });
	}
}

function readLimited(path: string): Buffer {
	try {
		const { size } = statSync(path);
		if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes, allowed: ${MAX_FILE_BYTES}`);
		return readFileSync(path);
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${path}: cannot be read: ${(cause as Error).message}`, { cause });
	}
}

function parse(name: string, bytes: Buffer): unknown {
	try {
		return JSON.parse(bytes.toString("utf8"));
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${name}: no JSON`, { cause });
	}
}

/** One character or class, repeated or not: no such pattern backtracks, whatever text meets it. */
const SAFE_PATTERN = /^(?:\[(?:\\.|[^\]\\[])+\]|\\.|[^\\()[\]{}|*+?])(?:\{\d+,?\d*\}|[*+?])?$/su;

function checkPatterns(part: unknown): void {
	if (typeof part !== "object" || part === null) return;
	for (const [key, value] of Object.entries(part)) {
		if (key === "Regex" && !(typeof value === "string" && SAFE_PATTERN.test(value)))
			invalid(
				`the pattern ${JSON.stringify(value)?.slice(0, 100)} is not supported; allowed: one character or character class, repeated or not`,
			);
		checkPatterns(value);
	}
}
