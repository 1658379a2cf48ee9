/** Numbers by a 32-bit key: open addressing, a key as often as it has numbers, up to a bound. */

const FIRST_SLOTS = 1 << 10;
/** Numbers under one key, at most: thousands of copies of one form letter must not make the time quadratic. */
const MOST_SAME = 16;

export class BandTable {
	#keys = new Uint32Array(FIRST_SLOTS);
	/** Number + 1; 0: free. */
	#entries = new Uint32Array(FIRST_SLOTS);
	#taken = 0;

	find(key: number): number[] {
		const mask = this.#keys.length - 1;
		const found: number[] = [];
		for (let slot = key & mask; this.#entries[slot] !== 0 && found.length < MOST_SAME; slot = (slot + 1) & mask) {
			if (this.#keys[slot] === key) found.push(this.#entries[slot]! - 1);
		}
		return found;
	}

	add(key: number, id: number): void {
		if (2 * (this.#taken + 1) > this.#keys.length) this.#grow();
		this.#insert(key, id + 1);
	}

	#insert(key: number, entry: number): void {
		const mask = this.#keys.length - 1;
		let slot = key & mask;
		for (let same = 0; this.#entries[slot] !== 0; slot = (slot + 1) & mask) {
			if (this.#keys[slot] === key && ++same >= MOST_SAME) return;
		}
		this.#keys[slot] = key;
		this.#entries[slot] = entry;
		this.#taken++;
	}

	#grow(): void {
		const [keys, entries] = [this.#keys, this.#entries];
		this.#keys = new Uint32Array(2 * keys.length);
		this.#entries = new Uint32Array(2 * entries.length);
		this.#taken = 0;
		for (let slot = 0; slot < keys.length; slot++) if (entries[slot] !== 0) this.#insert(keys[slot]!, entries[slot]!);
	}
}
