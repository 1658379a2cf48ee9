/**
 * A base model's tokenizer. Normalisers, pre-tokenisers and vocabularies are @huggingface/tokenizers'; how they are put
 * together is here, so that words are cut once, long texts no further than needed, and tokens can be told their place.
 */
import { DakError } from "../errors/index.js";
import { type Alignment, align, type Span } from "./alignment.js";
import { byteLevelOf } from "./byte-level.js";
import { type Library, openLibrary } from "./library.js";
import { hasLongMarkRun, MOST_MARKS } from "./mark-runs.js";
import { createNormalizer, type Normalize } from "./normalizer.js";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer-json.js";
import type { EncodeOptions, TokenizedPiece, Tokenizer } from "./types.js";
import { openUnigram, type UnigramModel } from "./unigram.js";
import { type CutText, createTextCutter, type Section, type Unit } from "./units.js";
import { type CutWord, createCutter, type Piece } from "./words.js";

/** Opens the tokenizer of a model folder. @throws INVALID_MODEL if a file is missing, not understood or not supported */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
	const files = readTokenizerFiles(folder);
	try {
		return new FolderTokenizer(files, open(files));
	} catch (cause) {
		if (cause instanceof DakError) throw cause;
		throw new DakError("INVALID_MODEL", `tokenizer.json: not understood: ${String(cause)}`, { cause });
	}
}

interface Opened {
	readonly library: Library;
	readonly unigram?: UnigramModel;
}

function open(files: TokenizerFiles): Opened {
	const { json, config } = files;
	if (json.model.type === "Unigram") return openUnigram(files, json.model);
	// Byte-level BPE's patterns are matched here, and not all of them are JavaScript's.
	return { library: openLibrary(json.model.type === "BPE" ? { ...json, pre_tokenizer: null } : json, config) };
}

/** A token before it is known whether it is kept. */
interface Token extends Piece {
	readonly unit: Unit;
	/** Where it starts in its unit's word. */
	readonly within: number;
}

const tokenOf = ({ id, length, overlap = 0 }: Piece, unit: Unit, within: number): Token => ({
	id,
	length: length + overlap,
	unit,
	within: within - overlap,
});

class FolderTokenizer implements Tokenizer {
	readonly vocabSize: number;
	readonly hash: string;
	readonly unknownId: number | undefined;
	readonly specialIds: ReadonlySet<number>;
	readonly #library: Library;
	readonly #normalize: Normalize;
	readonly #cutText: CutText;
	readonly #cutWord: CutWord;
	readonly #trims: boolean;
	/** Special tokens before and after a text. */
	readonly #before: readonly number[];
	readonly #after: readonly number[];

	constructor({ json, hash }: TokenizerFiles, { library, unigram }: Opened) {
		this.hash = hash;
		this.#library = library;
		this.vocabSize = library.model.vocab.length;
		this.specialIds = new Set(json.added_tokens.filter((token) => token.special).map((token) => token.id));
		this.unknownId = unknownIdOf(json.model);
		this.#trims = json.model.type === "BPE" && byteLevelOf(json).trimOffsets;
		this.#normalize = createNormalizer(json, library);
		this.#cutText = createTextCutter(json, library, this.#normalize);
		this.#cutWord = createCutter(json, library.model.tokens_to_ids, unigram);
		[this.#before, this.#after] = specialTokensAround(library);
	}

	encode(text: string, options: EncodeOptions = {}): Int32Array {
		const [before, after] = this.#special(options);
		const ids = this.#collect(text, options, ({ id }) => id);
		return Int32Array.from([...before, ...ids, ...after]);
	}

	tokenize(text: string, options: EncodeOptions = {}): TokenizedPiece[] {
		const [before, after] = this.#special(options);
		const [locate, bytesBefore] = [this.#locator(), byteCounter(text)];
		const special = (id: number) => ({ id, text: this.#library.model.vocab[id] ?? "", special: true });
		return [
			...before.map(special),
			...this.#collect(text, options, tokenOf).map((token) => this.#describe(token, text, locate, bytesBefore)),
			...after.map(special),
		];
	}

	decode(ids: ArrayLike<number>, { skipSpecialTokens = true }: { readonly skipSpecialTokens?: boolean | undefined } = {}): string {
		return ids.length === 0 ? "" : this.#library.decode(Array.from(ids), { skip_special_tokens: skipSpecialTokens });
	}

	#special({ addSpecialTokens = true }: EncodeOptions): readonly [readonly number[], readonly number[]] {
		return addSpecialTokens ? [this.#before, this.#after] : [[], []];
	}

	/** The text's tokens, no more than fit. Words beyond the limit are not looked at. */
	#collect<T>(text: string, options: EncodeOptions, make: (piece: Piece, unit: Unit, within: number) => T): T[] {
		if (!text.isWellFormed()) throw new DakError("TOKENIZATION_FAILED", "the text holds a lone surrogate: no valid Unicode");
		if (hasLongMarkRun(text)) throw new DakError("TOKENIZATION_FAILED", `the text holds more than ${MOST_MARKS} combining marks in a row`);
		const [before, after] = this.#special(options);
		const room = Math.max(0, (options.maxLength ?? Number.POSITIVE_INFINITY) - before.length - after.length);
		const fromEnd = options.truncationDirection === "left" && room < Number.POSITIVE_INFINITY;
		const tokens: T[] = [];
		const units = this.#cutText(text);
		for (const unit of fromEnd ? [...units].reverse() : units) {
			if (tokens.length >= room) break;
			const own = this.#tokensOf(unit, make);
			if (fromEnd) own.reverse();
			for (const token of own) tokens.push(token);
		}
		if (tokens.length > room) tokens.length = room;
		return fromEnd ? tokens.reverse() : tokens;
	}

	#tokensOf<T>(unit: Unit, make: (piece: Piece, unit: Unit, within: number) => T): T[] {
		if (unit.id !== undefined) return [make({ id: unit.id, length: unit.word.length }, unit, 0)];
		let within = 0;
		return this.#cutWord(unit.word).map((piece) => {
			const token = make(piece, unit, within);
			within += piece.length;
			return token;
		});
	}

	#describe(token: Token, text: string, locate: (token: Token) => Span | undefined, bytesBefore: (at: number) => number): TokenizedPiece {
		const found = locate(token);
		const span = found && this.#trims ? trimmed(text, found) : found;
		if (!span) return { id: token.id, text: this.#library.model.vocab[token.id] ?? "", special: false };
		const [start, stop] = [bytesBefore(span.start), bytesBefore(span.stop)];
		return { id: token.id, text: text.slice(span.start, span.stop), special: false, start, stop };
	}

	/** Finds tokens in the text; each section is aligned once. */
	#locator(): (token: Token) => Span | undefined {
		const alignments = new Map<Section, Alignment | undefined>();
		return ({ unit: { section, at, prepended }, within, length }) => {
			if (at === undefined) return undefined;
			if (!section) return { start: at, stop: at + length };
			if (!alignments.has(section)) alignments.set(section, align(section.text, section.normalized, this.#normalize));
			const alignment = alignments.get(section);
			if (!alignment) return undefined;
			const from = at + within - (within > 0 ? prepended : 0);
			// A mark that stands alone before a word is told the word's first character, as the Python library has it.
			const last = Math.max(from, at + within + length - prepended - 1);
			const [first, final] = [alignment[from], alignment[last]];
			return first && final && { start: section.start + first.start, stop: section.start + final.stop };
		};
	}
}

function unknownIdOf(model: TokenizerFiles["json"]["model"]): number | undefined {
	if (model.type === "Unigram") return model.unk_id;
	return typeof model.unk_token === "string" ? model.vocab[model.unk_token] : undefined;
}

/** Without the spaces at its ends; of nothing but spaces, the place after them. */
function trimmed(text: string, { start, stop }: Span): Span {
	let from = start;
	while (from < stop && text[from] === " ") from++;
	let to = stop;
	while (to > from && text[to - 1] === " ") to--;
	return { start: from, stop: to };
}

/** Counts the UTF-8 bytes before a place; each time from the last one asked for, so that a long text is walked through once. */
function byteCounter(text: string): (at: number) => number {
	let last = 0;
	let bytes = 0;
	return (at) => {
		bytes += at >= last ? Buffer.byteLength(text.slice(last, at)) : -Buffer.byteLength(text.slice(at, last));
		last = at;
		return bytes;
	};
}

/** What the post-processor puts around a text. */
function specialTokensAround(library: Library): readonly [readonly number[], readonly number[]] {
	const bare = library.encode("a", { add_special_tokens: false }).ids;
	const whole = library.encode("a", { add_special_tokens: true }).ids;
	const at = whole.findIndex((_, i) => bare.every((id, j) => whole[i + j] === id));
	if (at < 0)
		throw new DakError("INVALID_MODEL", "tokenizer.json: the post-processor changes the text's own tokens; that is not supported");
	return [whole.slice(0, at), whole.slice(at + bare.length)];
}
