/**
 * Noise for denoising: what is taken from or done to a text before the encoder reads it. A text's noise depends on its generator
 * alone (one for each seed, epoch and text): it is fresh in each epoch, and the same whatever else is in the batch.
 */
import type { Random } from "@dak/shared/random";
import type { JobSettings, NoiseKind } from "../../jobs/index.js";
import { type DrawWord, deleteWords, misspellWords, substituteWords, swapWords, truncateWords } from "./edits.js";
import { wordsOf } from "./words.js";

export type NoiseSettings = JobSettings["noise"];

/** The noisy form of a text. */
export type Noise = (text: string, random: Random) => string;

type Edit = (words: readonly string[], ratio: number, random: Random, draw: DrawWord) => string[];

const EDITS: Readonly<Record<NoiseKind, Edit>> = {
	delete: deleteWords,
	swap: swapWords,
	substitute: substituteWords,
	typo: misspellWords,
	truncate: truncateWords,
};

/** @param corpus texts whose words stand in for others with `substitute`; borrowed */
export function createNoise(settings: NoiseSettings, corpus: readonly string[]): Noise {
	const choose = chooser(settings);
	const draw = drawFrom(corpus);
	return (text, random) => {
		const { words, glue } = wordsOf(text);
		if (words.length === 0) return text;
		const { kind, ratio } = choose(random);
		return EDITS[kind](words, ratio, random, draw).join(glue);
	};
}

interface Part {
	readonly kind: NoiseKind;
	readonly ratio: number;
}

/** What is done to a text: always the same, or one part of a mixture by its weight. A single kind draws nothing, so that its stream stays as it was. */
function chooser({ kind, ratio, mixture = [] }: NoiseSettings): (random: Random) => Part {
	if (kind !== "mixture") return () => ({ kind, ratio });
	const total = mixture.reduce((sum, { weight }) => sum + weight, 0);
	return (random) => {
		let rest = random.next() * total;
		for (const part of mixture) {
			rest -= part.weight;
			if (rest < 0) return part;
		}
		return mixture.at(-1)!;
	};
}

/** A text by chance, and of it a word: frequent words come often, and no list of words is kept. */
function drawFrom(corpus: readonly string[]): DrawWord {
	return (random) => {
		const { words } = wordsOf(corpus[random.below(corpus.length)] ?? "");
		return words[random.below(words.length)] ?? "";
	};
}
