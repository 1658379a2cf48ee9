/** What is used of @huggingface/tokenizers, with types: its own declarations do not resolve in an ES module package. */
import { Tokenizer } from "@huggingface/tokenizers";

/** A vocabulary's pieces by their first characters. */
export interface PieceTrie {
	/** The pieces that begin at `start`. */
	common_prefix_search(chars: readonly string[], start: number): Iterable<string>;
}

export interface Library {
	readonly normalizer: { normalize(text: string): string } | null;
	readonly pre_tokenizer: { pre_tokenize(text: string, options: { readonly section_index: number }): string[] } | null;
	readonly model: {
		readonly vocab: readonly string[];
		readonly tokens_to_ids: ReadonlyMap<string, number>;
		/** These three of a Unigram model. */
		readonly trie?: PieceTrie;
		readonly scores?: readonly number[];
		readonly unk_score?: number;
	};
	encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: number[] };
	decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
}

/** @throws whatever the library throws at what it does not know */
export function openLibrary(json: object, config: object): Library {
	return new Tokenizer(json, config) as Library;
}
