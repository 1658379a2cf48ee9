/**
 * How many different words a corpus has. Where they are many, a text is told from the others by its rare ones (product titles);
 * where they are few, texts that mean the same differ in just those (customers' questions). See docs/quality.md.
 */
import { Random } from "@dak/shared/random";

/** Words that are looked at: enough to tell corpora apart, few enough for a corpus of some hundred texts. */
const WORDS = 10_000;
/** How the number of different words grows with the length of a corpus. @source Heaps' law; exponents of 0.4 to 0.6 are usual */
const HEAPS = 0.6;

/**
 * Different words among 10,000 of some texts taken in a seeded order; of a smaller corpus as many as 10,000 words would have if
 * it went on as it began. Words are as Unicode cuts them, in any script.
 */
export function lexicalDiversity(texts: readonly string[]): number {
	const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
	const order = Random.for(1, "diversity").shuffle([...texts.keys()]);
	const distinct = new Set<string>();
	let words = 0;
	for (const row of order) {
		for (const { segment, isWordLike } of segmenter.segment(texts[row]!.slice(0, 2000))) {
			if (!isWordLike) continue;
			distinct.add(segment.toLowerCase());
			if (++words === WORDS) return distinct.size;
		}
	}
	return words === 0 ? 0 : Math.round(distinct.size * (WORDS / words) ** HEAPS);
}
