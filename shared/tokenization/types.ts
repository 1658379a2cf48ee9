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
	readonly text: string;
	readonly special: boolean;
	/** Character offsets in the text; absent for special tokens and where the tokenizer cannot tell. */
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
	decode(ids: ArrayLike<number>): string;
}
