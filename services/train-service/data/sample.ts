/** The first texts of a dataset, for those who need to know what its texts are like and cannot read all of it. */
import { cleanText } from "./clean/index.js";

export interface TextSample {
	/** As they will be trained on: cleaned, none twice. */
	readonly texts: readonly string[];
	/** Of the whole dataset: exact where all of it was read, else about. */
	readonly total: number;
}

/** Characters that are read at most. */
const MOST_CHARACTERS = 4_000_000;

/** @param bytes of the file that the texts come from */
export async function sampleTexts(texts: AsyncIterable<string> | Iterable<string>, bytes: number, limit: number): Promise<TextSample> {
	const seen = new Set<string>();
	let [characters, read] = [0, 0];
	for await (const text of texts) {
		const clean = cleanText(text);
		characters += text.length + 1;
		read++;
		if (clean !== "") seen.add(clean);
		// As many as are left are taken to be as long as those that were read.
		if (read >= limit || characters >= MOST_CHARACTERS)
			return { texts: [...seen], total: Math.max(seen.size, Math.round((bytes / characters) * seen.size)) };
	}
	return { texts: [...seen], total: seen.size };
}
