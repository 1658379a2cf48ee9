import type { LanguageShare } from "./languages.js";
import type { Bucket, Summary } from "./summary.js";

/** What the tokenizer of a base model makes of the texts. */
export interface TokenStatistics extends Summary {
	readonly base_model: string;
	/** Texts by their length in tokens, special ones included. */
	readonly histogram: readonly Bucket[];
	/** Texts longer than max_length, which training cuts. */
	readonly over_limit: number;
	/** Share of the tokens that the base has no word for. */
	readonly unknown_rate: number;
	/** Letters that a token stands for, over texts in scripts with letters; near 1 the base spells: it hardly knows the language. */
	readonly letters_per_token: number | null;
}

/** What was read, what was left out and why, and what is left to train on. The names are the API's. */
export interface DatasetStatistics {
	/** Texts to train on. */
	readonly texts: number;
	/** Texts held out of training. */
	readonly validation_texts: number;
	/** Lines, rows or records that were read. */
	readonly records: number;
	readonly blank_removed: number;
	/** Texts that were split at sentences, and how many more texts that made. */
	readonly split: { readonly texts: number; readonly added: number };
	/** Left out for their length: longer than max_length with long_texts: drop. */
	readonly too_long_removed: number;
	readonly too_short_removed: number;
	/** Equal to an earlier text. */
	readonly duplicates_removed: number;
	/** Not equal, but saying the same. */
	readonly near_duplicates_removed: number;
	/** Left out by chance, because there are more than max_texts. */
	readonly sampled_out: number;
	readonly characters: Summary;
	/** null where no base model is at hand. */
	readonly tokens: TokenStatistics | null;
	readonly languages: readonly LanguageShare[];
	/** A few of the texts, chosen at random with a fixed seed. */
	readonly sample: readonly string[];
	/** SHA-256 of the prepared texts. */
	readonly sha256: string;
	/** What looks wrong, and why. */
	readonly warnings: readonly string[];
}
