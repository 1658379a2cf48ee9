/**
 * Byte-level BPE's first half (GPT-2, RoBERTa, ModernBERT, Qwen): how a text is cut into words before their bytes are merged.
 * Patterns are taken only where they are known: any other might take forever on some text.
 */
import { DakError } from "../errors/index.js";
import type { TokenizerJson } from "./tokenizer-json.js";

export interface ByteLevel {
	/** What a text's words match, each in turn. */
	readonly patterns: readonly RegExp[];
	readonly addPrefixSpace: boolean;
	/** Spaces at a token's ends are not told as part of it. */
	readonly trimOffsets: boolean;
}

/** White space is Unicode's: JavaScript's \s has U+FEFF and lacks U+0085. */
const [S, NOT_S] = ["\\p{White_Space}", "\\P{White_Space}"];
const SPACES = `${S}+(?!${NOT_S})|${S}+`;
/** As (?i:'s|'t|'re|'ve|'m|'ll|'d), which Node 20 does not know. */
const CONTRACTIONS = "'(?:[sS\u017F]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])";
const GPT2 = new RegExp(`'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${S}\\p{L}\\p{N}]+|${SPACES}`, "gu");

const lines = (digits: string) =>
	new RegExp(`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^${S}\\p{L}\\p{N}]+[\\r\\n]*|${S}*[\\r\\n]+|${SPACES}`, "gu");

const written = (digits: string): string =>
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** Patterns as tokenizer.json has them. */
const KNOWN: ReadonlyMap<string, RegExp> = new Map([
	["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", GPT2],
	...["\\p{N}", "\\p{N}{1,3}"].map((digits): [string, RegExp] => [written(digits), lines(digits)]),
]);

function refuse(problem: string): never {
	throw new DakError("INVALID_MODEL", `tokenizer.json: pre_tokenizer: ${problem}`);
}

type Step = NonNullable<TokenizerJson["pre_tokenizer"]>;

const stepsOf = (step: Step | null | undefined): Step[] => {
	if (!step) return [];
	const parts = step.pretokenizers ?? step.processors;
	return Array.isArray(parts) ? (parts as Step[]) : [step];
};

/** @throws INVALID_MODEL for a BPE tokenizer that is not byte-level, or is in a way that is not known */
export function byteLevelOf({ pre_tokenizer, post_processor }: TokenizerJson): ByteLevel {
	const steps = stepsOf(pre_tokenizer);
	const last = steps.at(-1);
	if (last?.type !== "ByteLevel") refuse(`found ${steps.map(({ type }) => type).join(", ") || "none"} for BPE; allowed: byte-level BPE`);
	const splits = steps.slice(0, -1).map(splitPattern);
	const own = last.use_regex === false ? [] : [GPT2];
	const trims = stepsOf(post_processor).some(
		({ type, trim_offsets: trim }) => (type === "ByteLevel" || type === "RobertaProcessing") && trim !== false,
	);
	return { patterns: [...splits, ...own], addPrefixSpace: last.add_prefix_space === true, trimOffsets: trims };
}

function splitPattern({ type, pattern, behavior, invert }: Step): RegExp {
	const { Regex: source } = (pattern ?? {}) as { Regex?: unknown };
	const known = type === "Split" && typeof source === "string" ? KNOWN.get(source) : undefined;
	// Each pattern matches every character, so that what lies between matches never comes up.
	if (known && invert !== true && behavior === "Isolated") return known;
	refuse(
		`${type} with the pattern ${JSON.stringify(source)?.slice(0, 100)} is not supported; allowed: Split by GPT-2's, Llama 3's or Qwen's pattern`,
	);
}

export interface ByteWord {
	readonly word: string;
	readonly at: number;
}

/** A text's words, lazily: what each pattern matches of what the one before it matched. */
export function* byteWords(text: string, patterns: readonly RegExp[], at = 0): Iterable<ByteWord> {
	const [pattern, ...rest] = patterns;
	if (!pattern) return void (text === "" || (yield { word: text, at }));
	for (const { 0: word, index } of text.matchAll(pattern)) yield* byteWords(word, rest, at + index);
}
