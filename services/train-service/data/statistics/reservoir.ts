import { Random } from "@dak/shared/random";

/** A few of the items that pass, each as likely as any other. Seeded. */
export class Reservoir<T> {
	readonly items: T[] = [];
	readonly #random: Random;
	#passed = 0;

	constructor(
		private readonly size: number,
		seed: number,
	) {
		this.#random = new Random(seed);
	}

	offer(item: T): void {
		this.#passed++;
		if (this.items.length < this.size) this.items.push(item);
		else {
			const at = this.#random.below(this.#passed);
			if (at < this.size) this.items[at] = item;
		}
	}
}
