/**
 * JSON whose numbers stay as they are written: 2.0 read and written again by JavaScript is 2, which Python reads as an integer,
 * and transformers refuses where it wants a float.
 */

/** Strings, which may hold what looks like a number, and numbers. */
const TOKENS = /"(?:\\.|[^"\\])*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Before a number that is kept as a string. No JSON text holds this character unescaped. */
const MARK = "\u0000";
const MARKED = /"\\u0000([^"]+)"/g;

/** @throws SyntaxError */
export function parseExact(text: string): unknown {
	JSON.parse(text);
	return JSON.parse(text.replace(TOKENS, (token) => (/^[^"].*[.eE]/.test(token) ? JSON.stringify(MARK + token) : token)));
}

/** Writes what `parseExact` gave, or any other value. */
export const writeExact = (value: unknown, indent: number): string => JSON.stringify(value, null, indent).replace(MARKED, "$1");
