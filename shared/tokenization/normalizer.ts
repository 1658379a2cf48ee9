/** What tokenizers do to a text before they cut it into words. */
import type { Library } from "./library.js";
import type { TokenizerJson } from "./tokenizer-json.js";

export type Normalize = (text: string) => string;

export function createNormalizer(json: TokenizerJson, library: Library): Normalize {
	if (json.normalizer?.type === "BertNormalizer") return bertNormalizer(json.normalizer);
	const { normalizer } = library;
	return normalizer === null ? (text) => text : (text) => normalizer.normalize(text);
}

/**
 * BERT's normaliser, a character at a time, as the Python library has it. The JavaScript library's works on whole texts, and
 * differs where that matters: a capital sigma at a word's end, ideographs beyond the basic plane.
 */
function bertNormalizer(options: Readonly<Record<string, unknown>>): Normalize {
	const lowercase = options.lowercase !== false;
	const steps = {
		clean: options.clean_text !== false,
		chinese: options.handle_chinese_chars !== false,
		lowercase,
		strip: typeof options.strip_accents === "boolean" ? options.strip_accents : lowercase,
	};
	// At most one entry for each code point.
	const known = new Map<string, string>();
	const one = (char: string): string => {
		let result = known.get(char);
		if (result === undefined) {
			result = bertCharacter(char, steps);
			known.set(char, result);
		}
		return result;
	};
	return (text) => {
		if (steps.clean && PLAIN_ASCII.test(text)) return lowercase ? text.toLowerCase() : text;
		let result = "";
		for (const char of text) result += one(char);
		return result;
	};
}

const PLAIN_ASCII = /^[\x20-\x7e]*$/;
const CONTROL = /^[\p{Cc}\p{Cf}\p{Co}\p{Cs}\0\uFFFD]$/u;
const WHITE_SPACE = /^\p{White_Space}$/u;
const CHINESE =
	/^[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]$/u;

interface BertSteps {
	readonly clean: boolean;
	readonly chinese: boolean;
	readonly lowercase: boolean;
	readonly strip: boolean;
}

/** @source tokenizers, normalizers/bert.rs: clean, set ideographs apart, strip accents, then lower the case */
function bertCharacter(char: string, { clean, chinese, lowercase, strip }: BertSteps): string {
	let result = char;
	if (clean) {
		if (char === "\t" || char === "\n" || char === "\r") return " ";
		if (CONTROL.test(char)) return "";
		if (WHITE_SPACE.test(char)) return " ";
	}
	if (chinese && CHINESE.test(char)) result = ` ${char} `;
	if (strip) result = result.normalize("NFD").replace(/\p{Mn}/gu, "");
	if (lowercase) result = [...result].map((part) => part.toLowerCase()).join("");
	return result;
}
