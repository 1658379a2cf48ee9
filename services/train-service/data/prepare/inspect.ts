import { cleanText } from "../clean/index.js";
import { FEWEST_TEXTS, tooFew } from "../statistics/index.js";

/** Reads the first texts only: enough to refuse a file that cannot be trained on, whatever its size. @throws INVALID_DATASET */
export async function inspectTexts(texts: AsyncIterable<string>, limit = 1000): Promise<void> {
	const seen = new Set<string>();
	let read = 0;
	for await (const text of texts) {
		const clean = cleanText(text);
		if (clean !== "") seen.add(clean);
		if (++read >= limit && seen.size >= FEWEST_TEXTS) return;
	}
	if (seen.size < FEWEST_TEXTS) throw tooFew(seen.size);
}
