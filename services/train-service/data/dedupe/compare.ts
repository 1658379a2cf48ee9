/** When two texts are near-duplicates: as a reader would say it, and so that no variant of a product or a part is lost. */
import { numbersKey, plainForm, shingles } from "./shingles.js";

/** A text, taken apart for comparing. */
export interface Comparable {
	readonly plain: string;
	readonly shingles: Uint32Array;
	readonly numbers: number;
}

export function comparable(text: string): Comparable {
	const plain = plainForm(text);
	return { plain, shingles: shingles(plain), numbers: numbersKey(text) };
}

/**
 * Whether two texts say the same: as similar as the threshold asks (Jaccard, over shingles), the same numbers and codes
 * ("iPhone 12" is not "iPhone 13"), and no word replaced by another ("color red" is not "color blue"); of every 50 words one may be.
 */
export function areNearDuplicates(a: Comparable, b: Comparable, threshold: number): boolean {
	return a.numbers === b.numbers && jaccard(a.shingles, b.shingles) >= threshold && replacedShare(a.plain, b.plain) <= 1 / 50;
}

/** |A ∩ B| / |A ∪ B| of two ascending sets. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
	let common = 0;
	for (let i = 0, j = 0; i < a.length && j < b.length; ) {
		const [x, y] = [a[i]!, b[j]!];
		if (x === y) common++;
		if (x <= y) i++;
		if (y <= x) j++;
	}
	return common / (a.length + b.length - common);
}

/** Words that each has more often than the other, as a share: words that were only added or moved count nothing. */
function replacedShare(a: string, b: string): number {
	const [mine, others] = [a.split(" "), b.split(" ")];
	const surplus = new Map<string, number>();
	for (const word of mine) surplus.set(word, (surplus.get(word) ?? 0) + 1);
	for (const word of others) surplus.set(word, (surplus.get(word) ?? 0) - 1);
	let [more, fewer] = [0, 0];
	for (const count of surplus.values()) {
		if (count > 0) more += count;
		else fewer -= count;
	}
	return Math.min(more, fewer) / Math.max(mine.length, others.length);
}
