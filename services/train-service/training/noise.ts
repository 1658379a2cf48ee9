/** Noise for denoising: what is taken from or done to a text before the encoder reads it. Seeded, fresh for each epoch. */
import type { Random } from "@dak/shared/nn";
import type { JobSettings } from "../jobs/index.js";

export type NoiseSettings = JobSettings["noise"];

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** Scripts that are written without spaces between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Words by white space; a text in a script without spaces by Unicode's word boundaries. */
function wordsOf(text: string): { readonly words: string[]; readonly glue: string } {
	const words = text.split(/\s+/).filter((word) => word !== "");
	if (words.length > 1 || !UNSPACED.test(text)) return { words, glue: " " };
	return { words: [...segmenter.segment(text)].map(({ segment }) => segment), glue: "" };
}

/** Deletes each word with probability `ratio`; one word at random stays where none would. @source TSDAE, del_ratio 0.6 */
function deleteWords(words: readonly string[], ratio: number, random: Random): string[] {
	const kept = words.filter(() => random.next() >= ratio);
	return kept.length > 0 || words.length === 0 ? kept : [words[random.below(words.length)]!];
}

/** Swaps each word with the next with probability `ratio`. */
function swapWords(words: readonly string[], ratio: number, random: Random): string[] {
	const swapped = [...words];
	for (let i = 0; i + 1 < swapped.length; i++) {
		if (random.next() < ratio) [swapped[i], swapped[i + 1]] = [swapped[i + 1]!, swapped[i]!];
	}
	return swapped;
}

/** One slip of the fingers: a letter lost, doubled, or swapped with the next. */
function typo(word: string, random: Random): string {
	const letters = [...word];
	if (letters.length < 3) return word;
	const at = random.below(letters.length - 1);
	const slip = random.below(3);
	if (slip === 0) letters.splice(at, 1);
	else if (slip === 1) letters.splice(at, 0, letters[at]!);
	else [letters[at], letters[at + 1]] = [letters[at + 1]!, letters[at]!];
	return letters.join("");
}

/** The noisy form of a text. */
export function addNoise(text: string, { kind, ratio }: NoiseSettings, random: Random): string {
	const { words, glue } = wordsOf(text);
	if (kind === "delete") return deleteWords(words, ratio, random).join(glue);
	if (kind === "swap") return swapWords(words, ratio, random).join(glue);
	return words.map((word) => (random.next() < ratio ? typo(word, random) : word)).join(glue);
}
