/**
 * What two texts are compared by: the set of their runs of five characters, after case and sentence punctuation are taken away.
 * Characters, not words: it works for every script, and a title of eight words that differs in one word stays far away.
 */
import { finish, hash64, mix } from "./hash.js";

const SIZE = 5;
/** Sentence punctuation. Signs that carry meaning ("C++", "C#", "1/2", "-5") are none. */
const MARKS = ".,;:!?'\"`´«»“”„‘’()[]{}…–—|、。，；：？！「」『』（）";
const MARK = new Set(MARKS);
const BREAKS = new RegExp(`[\\s${MARKS.replace(/[[\]]/g, "\\$&")}]+`, "gu");
const NUMBER = /\p{N}/u;

/** The text without case and sentence punctuation. */
export const plainForm = (text: string): string => text.toLowerCase().replace(BREAKS, " ").trim();

/** Hashes of the shingles of a plain form, ascending, each once. */
export function shingles(plain: string): Uint32Array {
	const count = Math.max(1, plain.length - SIZE + 1);
	const hashes = new Uint32Array(count);
	for (let i = 0; i < count; i++) {
		let hash = 0;
		for (let j = i; j < Math.min(i + SIZE, plain.length); j++) hash = mix(hash, plain.charCodeAt(j));
		hashes[i] = finish(hash);
	}
	return unique(hashes.sort());
}

function unique(sorted: Uint32Array): Uint32Array {
	let count = 0;
	for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i]!;
	return sorted.subarray(0, count);
}

/** Hash of a text's words that hold a digit, in any order. */
export function numbersKey(text: string): number {
	if (!NUMBER.test(text)) return 0;
	const words = text
		.toLowerCase()
		.split(/\s+/)
		.filter((word) => NUMBER.test(word));
	return hash64(words.map(withoutMarks).sort().join(" ")).low;
}

/** A word without the punctuation around it; not by a pattern, which takes quadratic time over a stranger's row of points. */
function withoutMarks(word: string): string {
	let [from, to] = [0, word.length];
	while (from < to && MARK.has(word[from]!)) from++;
	while (to > from && MARK.has(word[to - 1]!)) to--;
	return word.slice(from, to);
}
