/** What is used of @huggingface/tokenizers, with types: its own declarations do not resolve in an ES module package. */
import { Tokenizer } from "@huggingface/tokenizers";

/** What a piece's id is asked of. */
export type Ids = Pick<ReadonlyMap<string, number>, "get">;

export interface Library {
	readonly normalizer: { normalize(text: string): string } | null;
	readonly pre_tokenizer: { pre_tokenize(text: string, options: { readonly section_index: number }): string[] } | null;
	readonly model: {
		vocab: readonly string[];
		tokens_to_ids: Ids;
	};
	encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: number[] };
	decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean }): string;
}

/** @throws whatever the library throws at what it does not know */
export function openLibrary(json: object, config: object): Library {
	return new Tokenizer(json, config) as Library;
}
