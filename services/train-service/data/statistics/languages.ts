/**
 * Which languages texts are in. eld, because of the small libraries it was right most often on short texts (share of banking77's
 * questions told as English: eld .997, tinyld .94; of an English product list: .83 and .32), and 2 to 10 times as fast.
 */
import type { eld as Detector } from "eld/small";

export interface LanguageShare {
	/** ISO 639-1; `und`: too short or too mixed to tell. */
	readonly language: string;
	/** Of the texts looked at. */
	readonly share: number;
}

/** Letters that a text needs for its language to be told. */
const FEWEST_LETTERS = 20;
/** Texts from which on their languages are told. */
const FEWEST_TEXTS = 20;
/** Shares below this are mostly mistakes over short texts: they are counted as not told. */
const LEAST_SHARE = 0.1;

/** Most frequent first, `und` last; none for a handful of texts. */
export async function languagesOf(texts: readonly string[]): Promise<LanguageShare[]> {
	if (texts.length < FEWEST_TEXTS) return [];
	// Its tables take a third of a second to load; many threads only look at the beginning of a file.
	const { eld } = await import("eld/small");
	const counts = new Map<string, number>();
	for (const text of texts) {
		const language = languageOf(text, eld);
		counts.set(language, (counts.get(language) ?? 0) + 1);
	}
	const shares = [...counts].map(([language, count]) => ({ language, share: count / texts.length }));
	const told = shares.filter(({ language, share }) => language !== "und" && share >= LEAST_SHARE).sort((a, b) => b.share - a.share);
	const rest = 1 - told.reduce((sum, { share }) => sum + share, 0);
	const und = rest > 1e-9 ? [{ language: "und", share: rest }] : [];
	return [...told, ...und].map(({ language, share }) => ({ language, share: Math.round(share * 1000) / 1000 }));
}

function languageOf(text: string, eld: typeof Detector): string {
	if ((text.match(/\p{L}/gu)?.length ?? 0) < FEWEST_LETTERS) return "und";
	const found = eld.detect(text.slice(0, 1000));
	return found.language !== "" && found.isReliable() ? found.language : "und";
}
