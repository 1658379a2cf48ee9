/** A Unigram vocabulary, held in a fraction of what the library takes for it. */
import { type Library, openLibrary } from "./library.js";
import { PieceTrie } from "./piece-trie.js";
import type { TokenizerFiles, TokenizerJson } from "./tokenizer-json.js";

export interface UnigramModel {
	readonly trie: PieceTrie;
	/** Of each piece, by its id. */
	readonly scores: Float64Array;
	/** Id of the unknown piece. */
	readonly unknown: number;
	readonly unknownScore: number;
}

type UnigramJson = Extract<TokenizerJson["model"], { type: "Unigram" }>;

/** What an unknown character costs below the worst piece. @source tokenizers, models/unigram/model.rs */
const UNKNOWN_PENALTY = 10;

/** @returns the library without a vocabulary of its own: it asks ours, and what it would build from one is never built */
export function openUnigram({ json, config }: TokenizerFiles, model: UnigramJson): { library: Library; unigram: UnigramModel } {
	const library = openLibrary({ ...json, model: { ...model, vocab: [model.vocab[model.unk_id]], unk_id: 0 } }, config);
	const pieces = model.vocab.map(([piece]) => piece);
	const scores = Float64Array.from(model.vocab, ([, score]) => score);
	const unknownScore = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
	scores[model.unk_id] = unknownScore;
	const trie = new PieceTrie(pieces);
	const added = new Map(json.added_tokens.map(({ content, id }) => [content, id]));
	// Not in the trie: no word is cut into them.
	for (const [content, id] of added) pieces[id] = content;
	library.model.vocab = pieces;
	library.model.tokens_to_ids = { get: (piece) => added.get(piece) ?? trie.get(piece) };
	return { library, unigram: { trie, scores, unknown: model.unk_id, unknownScore } };
}
