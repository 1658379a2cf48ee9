/** 64 bits of a text in two words. Not against an adversary: who makes two texts collide loses one of his own. */
export interface Hash64 {
	readonly high: number;
	readonly low: number;
}

/** @source cyrb53 (bryc, public domain), all 64 bits kept */
export function hash64(text: string, seed = 0): Hash64 {
	let high = 0xdeadbeef ^ seed;
	let low = 0x41c6ce57 ^ seed;
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i);
		high = Math.imul(high ^ code, 2654435761);
		low = Math.imul(low ^ code, 1597334677);
	}
	high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
	low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
	return { high: high >>> 0, low: low >>> 0 };
}

/** Mixes a number into a hash (murmur3's round). */
export function mix(hash: number, value: number): number {
	let k = Math.imul(value, 0xcc9e2d51);
	k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
	const h = hash ^ k;
	return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) >>> 0;
}

/** The last round: every bit of the input changes every bit of the output. */
export function finish(hash: number): number {
	let h = hash;
	h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return (h ^ (h >>> 16)) >>> 0;
}
