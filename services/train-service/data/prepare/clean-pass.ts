/** The first pass: every text cleaned, split, and written once. What it holds is a hash of each text. */
import type { Tokenizer } from "@dak/shared/tokenization";
import { cleanLines, onOneLine, splitLongText } from "../clean/index.js";
import { SeenTexts } from "../dedupe/index.js";
import type { BaseTokenizer, PreparationOptions } from "./options.js";

export interface Counting {
	readonly base: BaseTokenizer;
	readonly tokenizer: Tokenizer;
}

export class CleanPass {
	readonly #seen = new SeenTexts();
	/** Tokens that the tokenizer puts around a text. */
	readonly #special: number;
	records = 0;
	blank = 0;
	tooLong = 0;
	tooShort = 0;
	duplicates = 0;
	readonly split = { texts: 0, added: 0 };

	constructor(
		private readonly options: PreparationOptions,
		private readonly counting: Counting | undefined,
	) {
		this.#special = counting?.tokenizer.encode("").length ?? 0;
	}

	/** Texts written. */
	get count(): number {
		return this.#seen.size;
	}

	/** The lines to write: one JSON string each. */
	async *lines(texts: AsyncIterable<string>): AsyncGenerator<string> {
		for await (const text of texts) {
			this.records++;
			const lines = cleanLines(text, this.options);
			const clean = onOneLine(lines);
			if (clean === "") this.blank++;
			else for (const piece of this.#fitting(clean, lines)) if (this.#isNew(piece)) yield `${JSON.stringify(piece)}\n`;
		}
	}

	#isNew(text: string): boolean {
		const added = this.#seen.add(text);
		if (!added) this.duplicates++;
		return added;
	}

	/** The text, or what is made of one that is too long or too short. */
	#fitting(clean: string, lines: string): readonly string[] {
		const { longTexts, minTokens } = this.options;
		if (!this.counting) return [clean];
		const { maxLength } = this.counting.base;
		if (minTokens > 0 && this.#tokens(clean, minTokens + 1) < minTokens) {
			this.tooShort++;
			return [];
		}
		if (longTexts === "cut" || !this.#isLong(clean, maxLength)) return [clean];
		if (longTexts === "split") return this.#pieces(clean, lines, maxLength - this.#special);
		this.tooLong++;
		return [];
	}

	#pieces(clean: string, lines: string, maxTokens: number): readonly string[] {
		const pieces = splitLongText(lines, { maxTokens, countTokens: (text) => this.#tokens(text) });
		if (pieces.length === 0) return [clean];
		if (pieces.length > 1) {
			this.split.texts++;
			this.split.added += pieces.length - 1;
		}
		return pieces;
	}

	/** A text has hardly ever more tokens than characters: most are not tokenised to know, and training cuts what is missed. */
	#isLong(clean: string, maxLength: number): boolean {
		const room = maxLength - this.#special;
		return clean.length > room && this.#tokens(clean, room + 1) > room;
	}

	#tokens(text: string, atMost?: number): number {
		return this.counting!.tokenizer.encode(text, { addSpecialTokens: false, maxLength: atMost }).length;
	}
}
