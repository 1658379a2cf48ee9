/** A text as the words that noise works on, and what stands between them. */

/** Not the machine's own language: the same words everywhere. */
const segmenter = new Intl.Segmenter("en", { granularity: "word" });

/** Scripts that are written without spaces between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

export interface Words {
	readonly words: string[];
	readonly glue: string;
}

/** Words by white space; a text in a script without spaces by Unicode's word boundaries. */
export function wordsOf(text: string): Words {
	const words = text.split(/\s+/).filter((word) => word !== "");
	if (words.length > 1 || !UNSPACED.test(text)) return { words, glue: " " };
	return { words: [...segmenter.segment(text)].map(({ segment }) => segment), glue: "" };
}
