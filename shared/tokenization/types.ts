export interface EncodeOptions {
	/** Most tokens, special ones included; longer texts are cut. Unset: no limit. */
	readonly maxLength?: number | undefined;
	/** Which end of the text is cut. Default right. */
	readonly truncationDirection?: "left" | "right" | undefined;
	/** Default true. */
	readonly addSpecialTokens?: boolean | undefined;
}

export interface TokenizedPiece {
	readonly id: number;
	/** The part of the text that the token stands for; where it cannot be told, and for special tokens, the token's own name. */
	readonly text: string;
	/** Whether the tokenizer put it there: a `[SEP]` that the text holds is none. */
	readonly special: boolean;
	/** Offsets in the text's UTF-8 bytes, as Text Embeddings Inference has them; absent for special tokens and where they cannot be told. */
	readonly start?: number | undefined;
	readonly stop?: number | undefined;
}

/** A base model's own tokenizer: ids equal to those of Python's `tokenizers`. */
export interface Tokenizer {
	readonly vocabSize: number;
	/** SHA-256 of tokenizer.json, hex. */
	readonly hash: string;
	readonly unknownId: number | undefined;
	readonly specialIds: ReadonlySet<number>;
	/** Ids of a text. @throws TOKENIZATION_FAILED for a text that is no valid Unicode (lone surrogates). */
	encode(text: string, options?: EncodeOptions): Int32Array;
	/** Tokens with their texts and, where known, offsets. */
	tokenize(text: string, options?: EncodeOptions): TokenizedPiece[];
	/** The text of ids. Special tokens are left out unless `skipSpecialTokens` is false. */
	decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean | undefined }): string;
}
