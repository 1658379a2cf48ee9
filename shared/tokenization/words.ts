/** Cuts a word into the pieces of a vocabulary. Both ways take time in proportion to the word's length, however long it is. */
import { assert } from "../errors/index.js";
import { bpeCutter } from "./bpe.js";
import type { Ids } from "./library.js";
import type { TokenizerJson } from "./tokenizer-json.js";
import type { UnigramModel } from "./unigram.js";

/** One piece of a word: how many UTF-16 units of it, and the id. */
export interface Piece {
	readonly id: number;
	readonly length: number;
	/** Units before it that are its part, too: of a character whose bytes it shares with the piece before it. */
	readonly overlap?: number;
}

/** The pieces of a word; together they cover it. */
export type CutWord = (word: string) => readonly Piece[];

export function createCutter({ model }: TokenizerJson, ids: Ids, unigram?: UnigramModel): CutWord {
	if (model.type === "WordPiece") return cached(wordPieceCutter(model, ids));
	if (model.type === "BPE") return cached(bpeCutter(model));
	assert(unigram, "a Unigram model has its pieces");
	return cached(unigramCutter(unigram));
}

type WordPieceModel = Extract<TokenizerJson["model"], { type: "WordPiece" }>;

/** The longest piece that fits, from the left; a word that cannot be covered so is one unknown piece. */
function wordPieceCutter(model: WordPieceModel, ids: Ids): CutWord {
	const { continuing_subword_prefix: prefix, max_input_chars_per_word: longest } = model;
	const unknown = model.vocab[model.unk_token]!;
	const longestPiece = Object.keys(model.vocab).reduce((most, piece) => Math.max(most, piece.length), 0);
	const fit = (word: string, start: number): Piece | undefined => {
		for (let stop = Math.min(word.length, start + longestPiece); stop > start; stop--) {
			const id = ids.get(start === 0 ? word.slice(0, stop) : prefix + word.slice(start, stop));
			if (id !== undefined) return { id, length: stop - start };
		}
		return undefined;
	};
	return (word) => {
		const pieces: Piece[] = [];
		// Two units a character at most: most words need no counting.
		if (word.length > longest && [...word.slice(0, 2 * longest + 2)].length > longest) return [{ id: unknown, length: word.length }];
		for (let start = 0; start < word.length; start += pieces.at(-1)!.length) {
			const piece = fit(word, start);
			if (!piece) return [{ id: unknown, length: word.length }];
			pieces.push(piece);
		}
		return pieces;
	};
}

/**
 * The pieces of the highest sum of scores, found in one pass (Viterbi); of two equal ones that with the earlier start, as in
 * the Python library. The JavaScript library builds a lattice of objects, which for a megabyte without spaces takes gigabytes.
 */
function unigramCutter({ trie, scores, unknownScore, unknown }: UnigramModel): CutWord {
	return (word) => {
		const best = new Float64Array(word.length + 1).fill(Number.NEGATIVE_INFINITY);
		const from = new Int32Array(word.length + 1);
		const chosen = new Int32Array(word.length + 1);
		best[0] = 0;
		let start = 0;
		let character = 0;
		let single = false;
		const offer = (stop: number, id: number, score: number) => {
			if (best[start]! + score <= best[stop]!) return;
			best[stop] = best[start]! + score;
			from[stop] = start;
			chosen[stop] = id;
		};
		const found = (stop: number, id: number) => {
			single ||= stop === start + character;
			offer(stop, id, scores[id]!);
		};
		for (; start < word.length; start += character) {
			character = word.codePointAt(start)! > 0xffff ? 2 : 1;
			single = false;
			trie.eachPrefix(word, start, found);
			if (!single) offer(start + character, unknown, unknownScore);
		}
		return backwards(word.length, from, chosen, unknown);
	};
}

/** Reads the best path from its end; neighbouring unknown characters are one piece. */
function backwards(end: number, from: Int32Array, chosen: Int32Array, unknown: number): Piece[] {
	const pieces: Piece[] = [];
	for (let stop = end; stop > 0; stop = from[stop]!) {
		const length = stop - from[stop]!;
		const id = chosen[stop]!;
		const last = pieces.at(-1);
		if (id === unknown && last?.id === unknown) pieces[pieces.length - 1] = { id, length: last.length + length };
		else pieces.push({ id, length });
	}
	return pieces.reverse();
}

const MOST_CACHED = 32_768;
const LONGEST_CACHED = 48;

/** Remembers words: half of a text's words are a few hundred different ones. Two generations, so that common words stay. */
function cached(cut: CutWord): CutWord {
	let young = new Map<string, readonly Piece[]>();
	let old = new Map<string, readonly Piece[]>();
	return (word) => {
		if (word.length > LONGEST_CACHED) return cut(word);
		const known = young.get(word);
		if (known) return known;
		const pieces = old.get(word) ?? cut(word);
		if (young.size >= MOST_CACHED) {
			old = young;
			young = new Map();
		}
		young.set(word, pieces);
		return pieces;
	};
}
