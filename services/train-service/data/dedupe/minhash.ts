/** MinHash signatures: two sets agree in each value with the probability of their Jaccard similarity. @source Broder 1997 */
import { Random } from "@dak/shared/random";

export class MinHash {
	readonly #multiply: Int32Array;
	readonly #add: Int32Array;

	constructor(
		readonly values: number,
		seed: number,
	) {
		const random = Random.for(seed, "minhash");
		// Odd factors: each map is a permutation of the 32-bit numbers.
		this.#multiply = Int32Array.from({ length: values }, () => (random.below(2 ** 32) | 1) >> 0);
		this.#add = Int32Array.from({ length: values }, () => random.below(2 ** 32) >> 0);
	}

	/** @shape hashes [n] → [values] */
	signature(hashes: Uint32Array): Uint32Array {
		const least = new Uint32Array(this.values).fill(0xffffffff);
		for (let v = 0; v < this.values; v++) {
			const [multiply, add] = [this.#multiply[v]!, this.#add[v]!];
			let min = 0xffffffff;
			for (let i = 0; i < hashes.length; i++) {
				const value = (Math.imul(hashes[i]!, multiply) + add) >>> 0;
				if (value < min) min = value;
			}
			least[v] = min;
		}
		return least;
	}
}
