/** Cuts a text into what is tokenised by itself: words, and added tokens as they stand. */
import { byteLevelOf, byteWords } from "./byte-level.js";
import type { Library } from "./library.js";
import type { Normalize } from "./normalizer.js";
import type { AddedToken, TokenizerJson } from "./tokenizer-json.js";

/** A stretch of the text between added tokens. */
export interface Section {
	/** Where it starts in the text. */
	readonly start: number;
	readonly text: string;
	readonly normalized: string;
}

export interface Unit {
	/** The word, normalised; of an added token its content. */
	readonly word: string;
	/** Of an added token. */
	readonly id?: number | undefined;
	/** Unset for an added token that stands in the text as it is. */
	readonly section?: Section | undefined;
	/** Where the word starts: in the section's normalised text, or in the text. Unset where it cannot be told. */
	readonly at?: number | undefined;
	/** How many units of the word were put before it and are no part of the text. */
	readonly prepended: number;
}

/** Lazily: what lies behind a limit is never cut. */
export type CutText = (text: string) => Iterable<Unit>;

export function createTextCutter(json: TokenizerJson, library: Library, normalize: Normalize): CutText {
	const raw = finder(json.added_tokens.filter((token) => !isNormalized(token)).map((token) => [token.content, token]));
	const normalized = finder(json.added_tokens.filter(isNormalized).map((token) => [normalize(token.content), token]));
	const words = wordCutter(json, library);
	return function* (text) {
		for (const [index, part] of split(text, raw).entries()) {
			if (part.token) yield { word: part.token.content, id: part.token.id, at: part.start, prepended: 0 };
			else yield* sectionUnits({ start: part.start, text: part.text, normalized: normalize(part.text) }, index);
		}
	};

	function* sectionUnits(section: Section, index: number): Iterable<Unit> {
		for (const { text, start, token } of split(section.normalized, normalized)) {
			if (token) yield { word: text, id: token.id, section, at: start, prepended: 0 };
			else
				for (const { word, at, prepended } of words(text, index))
					yield { word, section, at: at === undefined ? at : start + at, prepended };
		}
	}
}

const isNormalized = ({ normalized, special }: AddedToken): boolean => normalized ?? !special;

interface Part {
	readonly start: number;
	readonly text: string;
	readonly token?: AddedToken | undefined;
}

interface Finder {
	readonly pattern: RegExp;
	readonly tokens: ReadonlyMap<string, AddedToken>;
}

/** Finds the longest added token at each place. */
function finder(entries: readonly (readonly [string, AddedToken])[]): Finder | undefined {
	const tokens = new Map(entries.filter(([content]) => content !== ""));
	if (tokens.size === 0) return undefined;
	const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
	return { tokens, pattern: new RegExp(longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "gu") };
}

const WORD = /[\p{L}\p{N}_]/u;

/** White space beside a token that takes it in belongs to neither side. */
function split(text: string, found: Finder | undefined): Part[] {
	if (!found) return text === "" ? [] : [{ start: 0, text }];
	const parts: Part[] = [];
	let from = 0;
	for (const { 0: content, index } of text.matchAll(found.pattern)) {
		const token = found.tokens.get(content)!;
		const stop = index + content.length;
		if (token.single_word && (WORD.test(text.charAt(index - 1)) || WORD.test(text.charAt(stop)))) continue;
		const before = text.slice(from, index);
		addText(parts, from, token.lstrip ? before.trimEnd() : before);
		parts.push({ start: index, text: content, token });
		from = stop;
		if (token.rstrip) from += text.length - from - text.slice(from).trimStart().length;
	}
	addText(parts, from, text.slice(from));
	return parts;
}

function addText(parts: Part[], start: number, text: string): void {
	if (text !== "") parts.push({ start, text });
}

type Word = Pick<Unit, "word" | "at" | "prepended">;
type CutWords = (text: string, section: number) => Iterable<Word>;

/** A marked space: Unigram vocabularies write it into their pieces. */
const SPACE = "\u2581";

function wordCutter(json: TokenizerJson, { pre_tokenizer: preTokenizer }: Library): CutWords {
	const { pre_tokenizer: step } = json;
	if (json.model.type === "BPE") return byteLevelWords(json);
	if (step?.type === "BertPreTokenizer") return bertWords;
	const chunks = (text: string, section: number) => preTokenizer?.pre_tokenize(text, { section_index: section }) ?? [text];
	const marked = JSON.stringify(step ?? null).includes('"Metaspace"');
	return (text, section) =>
		marked ? markedWords(chunks(text, section), text.replaceAll(" ", SPACE)) : plainWords(chunks(text, section), text);
}

function byteLevelWords(json: TokenizerJson): CutWords {
	const { patterns, addPrefixSpace } = byteLevelOf(json);
	return function* (text) {
		const added = addPrefixSpace && !text.startsWith(" ") ? 1 : 0;
		for (const { word, at } of byteWords(added ? ` ${text}` : text, patterns))
			yield { word, at: Math.max(0, at - added), prepended: at === 0 ? added : 0 };
	};
}

const PUNCTUATION = "\\p{P}!-/:-@[-`{-~";
const BERT_WORD = new RegExp(`[^\\s${PUNCTUATION}]+|[${PUNCTUATION}]`, "gu");

/** Words, and punctuation one by one. @source tokenizers, pre_tokenizers/bert.rs */
function* bertWords(text: string): Iterable<Word> {
	for (const { 0: word, index } of text.matchAll(BERT_WORD)) yield { word, at: index, prepended: 0 };
}

/** Words follow each other in the text with nothing but white space between. */
function* plainWords(words: readonly string[], text: string): Iterable<Word> {
	let cursor: number | undefined = 0;
	for (const word of words) {
		const found: number = cursor === undefined ? -1 : text.indexOf(word, cursor);
		cursor = found < 0 ? undefined : found + word.length;
		yield { word, at: found < 0 ? undefined : found, prepended: 0 };
	}
}

/** Cuts before each marked space, as the Python library does and the JavaScript one does not: words can then be remembered. */
function* markedWords(chunks: readonly string[], marked: string): Iterable<Word> {
	let cursor: number | undefined = 0;
	for (const chunk of chunks) {
		const found: ReturnType<typeof placeOf> = cursor === undefined ? undefined : placeOf(chunk, marked, cursor);
		let at: number | undefined = found?.at;
		let prepended: number = found?.prepended ?? 0;
		cursor = at === undefined ? undefined : at + chunk.length - prepended;
		for (const word of cutBefore(chunk, SPACE)) {
			yield { word, at, prepended };
			if (at !== undefined) at += word.length - prepended;
			prepended = 0;
		}
	}
}

/** Where a chunk stands in the text: as it is, or with a mark before it that was prepended. */
function placeOf(chunk: string, marked: string, cursor: number): { readonly at: number; readonly prepended: number } | undefined {
	if (marked.startsWith(chunk, cursor)) return { at: cursor, prepended: 0 };
	let at = cursor;
	while (marked.startsWith(SPACE, at)) at++;
	return chunk.startsWith(SPACE) && marked.startsWith(chunk.slice(1), at) ? { at, prepended: 1 } : undefined;
}

/** `▁a▁b` → `▁a`, `▁b` */
function* cutBefore(text: string, mark: string): Iterable<string> {
	let from = 0;
	for (let at = text.indexOf(mark, 1); at >= 0; at = text.indexOf(mark, at + 1)) {
		yield text.slice(from, at);
		from = at;
	}
	yield text.slice(from);
}
