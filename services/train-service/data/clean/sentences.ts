/** Long texts as pieces of whole sentences, each within the limit. */
import { onOneLine } from "./clean.js";

/** Not the machine's own language: the same pieces everywhere. The rules are the root's; the dictionaries come with Unicode. */
const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
/** A piece below this share of the limit is a fragment. */
const FRAGMENT = 1 / 4;
/** What the segmenter is given at once: a stranger's text of a megabyte in one go takes memory in proportion. */
const PART = 50_000;

export interface SplitOptions {
	/** Most tokens a piece. */
	readonly maxTokens: number;
	readonly countTokens: (text: string) => number;
}

/**
 * Sentences put together again as far as they fit. A sentence that is too long alone stays whole: training cuts it. Fragments are
 * left out where the text has more: a title that only just passes the limit loses its end, as it would by cutting.
 */
export function splitLongText(lines: string, { maxTokens, countTokens }: SplitOptions): string[] {
	const pieces: { text: string; tokens: number }[] = [];
	for (const text of sentencesOf(lines)) {
		const tokens = countTokens(text);
		const last = pieces.at(-1);
		if (last && last.tokens + tokens <= maxTokens) {
			last.text += ` ${text}`;
			last.tokens += tokens;
		} else pieces.push({ text, tokens });
	}
	const whole = pieces.filter(({ tokens }) => tokens >= maxTokens * FRAGMENT);
	return (whole.length > 0 ? whole : pieces).map(({ text }) => text);
}

function* sentencesOf(lines: string): Generator<string> {
	for (const line of lines.split(/[\r\n\u2028\u2029]+/)) {
		for (const part of partsOf(line)) {
			for (const { segment } of segmenter.segment(part)) {
				const sentence = onOneLine(segment);
				if (sentence !== "") yield sentence;
			}
		}
	}
}

function* partsOf(line: string): Generator<string> {
	for (let at = 0; at < line.length; ) {
		// A pair of surrogates is one character.
		const end = at + PART + (/[\uD800-\uDBFF]/.test(line[at + PART - 1] ?? "") ? 1 : 0);
		yield line.slice(at, end);
		at = end;
	}
}
