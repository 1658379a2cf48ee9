/** One text, cleaned: HTML, Unicode's form, characters that nobody sees, white space. */
import { hasLongMarkRun } from "@dak/shared/tokenization";
import { decodeEntities, hasEntities, isMarkup, textOfHtml } from "./html.js";

export interface CleanOptions {
	/** NFC composes and changes no meaning; NFKC also turns "ﬁ", "①", full-width letters and "m²" into plain ones. */
	readonly unicode: "nfc" | "nfkc" | "none";
	/** auto: only texts that look like HTML lose their tags. */
	readonly html: "auto" | "strip" | "keep";
}

export const DEFAULT_CLEANING: CleanOptions = { unicode: "nfc", html: "auto" };

/** Control characters, soft hyphens, marks of direction and byte order: they cut words into unknown tokens. Joiners stay: scripts and emoji need them. */
const UNSEEN = /[\p{Cc}\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]/gu;

/** The cleaned text with its line breaks, which say where sentences end. A lone surrogate becomes U+FFFD. */
export function cleanLines(text: string, { unicode, html }: CleanOptions): string {
	const plain = withoutHtml(text.isWellFormed() ? text : text.toWellFormed(), html);
	// A run of marks longer than any writing's would take quadratic time, here and in the tokenizer: its end is cut off.
	const sound = hasLongMarkRun(plain) ? plain.replace(/(\p{M}{30})\p{M}+/gu, "$1") : plain;
	const normal = unicode === "none" ? sound : sound.normalize(unicode === "nfc" ? "NFC" : "NFKC");
	return normal.replace(UNSEEN, (found) => (/\s/.test(found) ? found : ""));
}

/** White space as single spaces, none around. */
export const onOneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

/** The cleaned text on one line. */
export const cleanText = (text: string, options: CleanOptions = DEFAULT_CLEANING): string => onOneLine(cleanLines(text, options));

function withoutHtml(text: string, html: CleanOptions["html"]): string {
	if (html === "keep") return text;
	if (html === "strip" || isMarkup(text)) return textOfHtml(text);
	return hasEntities(text) ? decodeEntities(text) : text;
}
