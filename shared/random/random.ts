/** Seeded random numbers: the same on every machine, so that a job can be repeated bit by bit. */

/** mulberry32: 32 bits of state, one 32-bit number a call. @source Tommy Ettinger's public-domain generator */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** A generator of its own for a named purpose, independent of how often others are asked. */
	static for(seed: number, ...names: readonly (string | number)[]): Random {
		let hash = (0x811c9dc5 ^ seed) >>> 0;
		// FNV-1a over the names.
		for (const char of names.join("\u0000")) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
		return new Random(hash);
	}

	/** What a later generator needs to go on from here. */
	get state(): number {
		return this.#state;
	}

	/** In [0, 1). */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	}

	/** A whole number in [0, n). */
	below(n: number): number {
		return Math.floor(this.next() * n);
	}

	/** Normal with mean 0 and standard deviation 1 (Box–Muller). */
	normal(): number {
		return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
	}

	/** Shuffles in place (Fisher–Yates). */
	shuffle<T>(items: T[]): T[] {
		for (let i = items.length - 1; i > 0; i--) {
			const j = this.below(i + 1);
			[items[i], items[j]] = [items[j]!, items[i]!];
		}
		return items;
	}
}
