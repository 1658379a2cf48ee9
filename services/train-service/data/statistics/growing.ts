/** Whole numbers, as many as come: four bytes each, where an array of them takes eight and more. */
export class GrowingNumbers {
	#values = new Uint32Array(1024);
	#length = 0;

	get length(): number {
		return this.#length;
	}

	push(value: number): void {
		if (this.#length === this.#values.length) {
			const larger = new Uint32Array(2 * this.#length);
			larger.set(this.#values);
			this.#values = larger;
		}
		this.#values[this.#length++] = value;
	}

	/** Ascending, a copy. */
	sorted(): Uint32Array {
		return this.#values.slice(0, this.#length).sort();
	}
}
