/** Random texts of random words, and the tokenizer that reads them: a benchmark of any vocabulary without a download. */
import { Random } from "@dak/shared/nn";
import type { Tokenizer } from "@dak/shared/tokenization";

/** Ids below are special, as in BERT's vocabularies. */
export const FIRST_WORD = 1000;
const [CLS, SEP, UNKNOWN] = [101, 102, 100];

/** Texts whose tokens, with both special ones, are `length` each. One word is one token. */
export function randomTexts(count: number, length: number, vocabSize: number, seed = 7): string[] {
	const random = Random.for(seed, "words");
	const word = () => `w${FIRST_WORD + Math.floor(random.next() * (vocabSize - FIRST_WORD))}`;
	return Array.from({ length: count }, () => Array.from({ length: length - 2 }, word).join(" "));
}

/** Reads `w<id>` words. Texts are never tokenised for display here, so that half is not there. */
export function wordTokenizer(vocabSize: number): Tokenizer {
	const unused = (): never => {
		throw new Error("a benchmark's tokenizer only encodes");
	};
	return {
		vocabSize,
		hash: "synthetic",
		unknownId: UNKNOWN,
		specialIds: new Set([CLS, SEP, UNKNOWN]),
		encode: (text, { maxLength = Number.POSITIVE_INFINITY } = {}) => {
			const ids = text.split(" ").map((word) => Number(word.slice(1)));
			return Int32Array.from([CLS, ...ids.slice(0, maxLength - 2), SEP]);
		},
		tokenize: unused,
		decode: unused,
	};
}
