import type { CleanOptions } from "../clean/index.js";
import type { ReadOptions } from "../formats/index.js";

/** A base model whose tokenizer counts. */
export interface BaseTokenizer {
	/** What it is called. */
	readonly ref: string;
	/** Absolute folder. */
	readonly folder: string;
	/** Most tokens a text, special ones included. */
	readonly maxLength: number;
}

export interface PreparationOptions extends CleanOptions {
	/** What becomes of texts longer than the limit; without a base model their length is not known and nothing does. */
	readonly longTexts: "split" | "cut" | "drop";
	/** Fewest tokens a text, special ones not counted. */
	readonly minTokens: number;
	/** Jaccard similarity from which a text is a near-duplicate; 1: only equal texts are left out. */
	readonly nearDuplicates: number;
	/** Most texts; more are thinned out by chance. */
	readonly maxTexts: number;
	/** Share of the texts held out of training. */
	readonly validationRatio: number;
	readonly seed: number;
	/** Refuses texts that the base model has no tokens for. */
	readonly refuseUnknown: boolean;
}

export const DEFAULT_PREPARATION: PreparationOptions = {
	unicode: "nfc",
	html: "auto",
	longTexts: "split",
	minTokens: 0,
	nearDuplicates: 0.9,
	maxTexts: 1_000_000,
	validationRatio: 0,
	seed: 7,
	refuseUnknown: false,
};

export type { ReadOptions };
