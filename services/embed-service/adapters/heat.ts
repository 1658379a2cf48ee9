/** How much each name was used lately: a sum that halves every half minute. */
const HALF_LIFE_MS = 30_000;

export class Heat {
	readonly #names = new Map<string, { value: number; at: number }>();

	constructor(private readonly now: () => number = () => performance.now()) {}

	add(name: string, amount: number): void {
		this.#names.set(name, { value: this.of(name) + amount, at: this.now() });
	}

	of(name: string): number {
		const known = this.#names.get(name);
		return known ? known.value * 0.5 ** ((this.now() - known.at) / HALF_LIFE_MS) : 0;
	}

	forget(name: string): void {
		this.#names.delete(name);
	}
}
