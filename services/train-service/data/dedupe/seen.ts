/** Texts that were seen, as 64-bit hashes: 12 to 24 bytes a text, where a Set of strings takes hundreds and ends at 16 million. */
import { hash64 } from "./hash.js";

const FIRST_SLOTS = 1 << 12;
/** Share of the slots that may be taken. */
const LOAD = 0.65;

export class SeenTexts {
	#slots = new Uint32Array(2 * FIRST_SLOTS);
	#size = 0;

	get size(): number {
		return this.#size;
	}

	/** Remembers a text; false if it was known. */
	add(text: string): boolean {
		const { high, low } = hash64(text);
		// Two zeros mark a free slot.
		const added = this.#insert(this.#slots, high, low === 0 ? 1 : low);
		if (added && ++this.#size > (LOAD * this.#slots.length) / 2) this.#grow();
		return added;
	}

	#insert(slots: Uint32Array, high: number, low: number): boolean {
		const mask = slots.length / 2 - 1;
		for (let slot = low & mask; ; slot = (slot + 1) & mask) {
			const at = 2 * slot;
			if (slots[at] === 0 && slots[at + 1] === 0) {
				slots[at] = high;
				slots[at + 1] = low;
				return true;
			}
			if (slots[at] === high && slots[at + 1] === low) return false;
		}
	}

	#grow(): void {
		const larger = new Uint32Array(2 * this.#slots.length);
		for (let at = 0; at < this.#slots.length; at += 2) {
			const [high, low] = [this.#slots[at]!, this.#slots[at + 1]!];
			if (high !== 0 || low !== 0) this.#insert(larger, high, low);
		}
		this.#slots = larger;
	}
}
