/**
 * A small general set, to see what a model forgets: sentences of everyday life that no domain owns, each with five others from the
 * same meaning down to nothing in common, some of them with the words and not the meaning.
 */
import type { Anchor } from "./anchor.js";
import { ENGLISH } from "./english.js";
import { RUSSIAN } from "./russian.js";

export type Language = "en" | "ru";

export interface GeneralPair {
	readonly language: Language;
	readonly sentence1: string;
	readonly sentence2: string;
	/** 0 to 5. */
	readonly grade: number;
	/** Pairs of one group share their first sentence. */
	readonly group: number;
}

const pairsOf = (language: Language, anchors: readonly Anchor[]): GeneralPair[] =>
	anchors.flatMap(([sentence1, ...others], group) =>
		others.map(([grade, sentence2]) => ({ language, sentence1, sentence2, grade, group })),
	);

export const LANGUAGES: readonly Language[] = ["en", "ru"];

export const GENERAL: readonly GeneralPair[] = [...pairsOf("en", ENGLISH), ...pairsOf("ru", RUSSIAN)];
