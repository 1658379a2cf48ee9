/** What noise does to words. Every edit leaves at least one word as it was, or a form of it. */
import type { Random } from "@dak/shared/random";
import { neighbours } from "./keyboard.js";

/** A word of the corpus by chance, as frequent here as it is there. */
export type DrawWord = (random: Random) => string;

/** Deletes each word with probability `ratio`; one word at random stays where none would. @source TSDAE, del_ratio 0.6 */
export function deleteWords(words: readonly string[], ratio: number, random: Random): string[] {
	const kept = words.filter(() => random.next() >= ratio);
	return kept.length > 0 || words.length === 0 ? kept : [words[random.below(words.length)]!];
}

/** Swaps each word with the next with probability `ratio`. */
export function swapWords(words: readonly string[], ratio: number, random: Random): string[] {
	const swapped = [...words];
	for (let i = 0; i + 1 < swapped.length; i++) {
		if (random.next() < ratio) [swapped[i], swapped[i + 1]] = [swapped[i + 1]!, swapped[i]!];
	}
	return swapped;
}

/** Puts a word of the corpus in place of each with probability `ratio`; one word at random stays where none would. */
export function substituteWords(words: readonly string[], ratio: number, random: Random, draw: DrawWord): string[] {
	const replaced = words.map(() => random.next() < ratio);
	if (words.length > 0 && replaced.every(Boolean)) replaced[random.below(words.length)] = false;
	return words.map((word, i) => (replaced[i] ? draw(random) : word));
}

/** Keeps one run of words, from a place at random, and cuts what is before and after: `ratio` of the words. */
export function truncateWords(words: readonly string[], ratio: number, random: Random): string[] {
	const kept = Math.max(1, Math.round(words.length * (1 - ratio)));
	const from = random.below(words.length - kept + 1);
	return words.slice(from, from + kept);
}

/** One slip of the fingers in each word with probability `ratio`. */
export function misspellWords(words: readonly string[], ratio: number, random: Random): string[] {
	return words.map((word) => (random.next() < ratio ? misspelled(word, random) : word));
}

/** A letter lost, doubled, swapped with the next, hit beside, or with the key beside it hit too. The first letter is right, as it mostly is. */
function misspelled(word: string, random: Random): string {
	const letters = [...word];
	if (letters.length < 3) return word;
	const at = 1 + random.below(letters.length - 1);
	const near = neighbours(letters[at]!);
	const slip = random.below(near.length > 0 ? 5 : 3);
	if (slip === 0) letters.splice(at, 1);
	else if (slip === 1) letters.splice(at, 0, letters[at]!);
	else if (slip === 2) {
		const other = at + 1 < letters.length ? at + 1 : at - 1;
		[letters[other], letters[at]] = [letters[at]!, letters[other]!];
	} else letters.splice(at, slip === 3 ? 1 : 0, near[random.below(near.length)]!);
	return letters.join("");
}
