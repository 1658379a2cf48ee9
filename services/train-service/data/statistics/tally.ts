/** Counts, measures and hashes the texts that are left, as they pass. */
import { createHash } from "node:crypto";
import type { Tokenizer } from "@dak/shared/tokenization";
import { GrowingNumbers } from "./growing.js";
import { type LanguageShare, languagesOf } from "./languages.js";
import { Reservoir } from "./reservoir.js";
import { histogramOf, type Summary, summaryOf } from "./summary.js";
import type { TokenStatistics } from "./types.js";

export interface TallyTokenizer {
	/** The base model's name. */
	readonly ref: string;
	readonly tokenizer: Tokenizer;
	readonly maxLength: number;
}

export interface Measured {
	readonly characters: Summary;
	readonly tokens: TokenStatistics | null;
	readonly languages: readonly LanguageShare[];
	readonly sample: readonly string[];
	readonly sha256: string;
	/** Texts without a letter. */
	readonly withoutLetters: number;
}

const SAMPLE = 5;
const LANGUAGE_SAMPLE = 2000;
/** Tokens of one text that are counted: a megabyte of text is long, whatever its length. */
const MOST_TOKENS = 512;
const LETTER = /\p{L}/u;
const LETTERS = /\p{L}/gu;
/** Scripts in which a token is a character or two even where the base knows the language. */
const UNSPACED =
	/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

export class Tally {
	readonly #characters = new GrowingNumbers();
	readonly #tokens = new GrowingNumbers();
	readonly #hash = createHash("sha256");
	readonly #sample = new Reservoir<string>(SAMPLE, 1);
	readonly #languageSample = new Reservoir<string>(LANGUAGE_SAMPLE, 2);
	readonly #inWords = { letters: 0, tokens: 0 };
	#withoutLetters = 0;
	#overLimit = 0;
	#tokenCount = 0;
	#unknown = 0;

	constructor(private readonly base: TallyTokenizer | undefined) {}

	get count(): number {
		return this.#characters.length;
	}

	/** Takes a text, and the line that it is written as. */
	add(text: string, line: string): void {
		this.#hash.update(line);
		this.#characters.push(text.length);
		this.#sample.offer(text);
		this.#languageSample.offer(text);
		if (!LETTER.test(text)) this.#withoutLetters++;
		if (this.base) this.#countTokens(text, this.base);
	}

	#countTokens(text: string, { tokenizer, maxLength }: TallyTokenizer): void {
		const ids = tokenizer.encode(text, { maxLength: Math.max(MOST_TOKENS, maxLength + 1) });
		this.#tokens.push(ids.length);
		if (ids.length > maxLength) this.#overLimit++;
		let own = 0;
		for (const id of ids) {
			if (id === tokenizer.unknownId) this.#unknown++;
			if (!tokenizer.specialIds.has(id) || id === tokenizer.unknownId) own++;
		}
		this.#tokenCount += own;
		const letters = ids.length < MOST_TOKENS && !UNSPACED.test(text) ? (text.match(LETTERS)?.length ?? 0) : 0;
		// Texts of numbers and codes say nothing about a language.
		if (letters < 0.8 * text.length - 2) return;
		this.#inWords.letters += letters;
		this.#inWords.tokens += own;
	}

	/** Of at least one text. */
	async measured(): Promise<Measured> {
		return {
			characters: summaryOf(this.#characters),
			tokens: this.base ? this.#tokenStatistics(this.base) : null,
			languages: await languagesOf(this.#languageSample.items),
			sample: this.#sample.items,
			sha256: this.#hash.digest("hex"),
			withoutLetters: this.#withoutLetters,
		};
	}

	#tokenStatistics({ ref }: TallyTokenizer): TokenStatistics {
		const { letters, tokens } = this.#inWords;
		return {
			base_model: ref,
			...summaryOf(this.#tokens),
			histogram: histogramOf(this.#tokens),
			over_limit: this.#overLimit,
			unknown_rate: rounded(this.#unknown / Math.max(1, this.#tokenCount)),
			letters_per_token: tokens > 0 ? rounded(letters / tokens) : null,
		};
	}
}

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
