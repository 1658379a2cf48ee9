import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
let last = 0;

/** An id that sorts by time of creation: a prefix, 10 characters of milliseconds, 10 random ones (Crockford's base 32). */
export function newId(prefix: "job" | "ds"): string {
	last = Math.max(Date.now(), last + 1);
	let time = "";
	for (let rest = last, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
	const random = Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join("");
	return `${prefix}_${time}${random}`;
}
