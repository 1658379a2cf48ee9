/**
 * Label values that users choose (adapter names) must not grow a registry without end: the first `limit` names that are in use get
 * a series of their own, later ones share "other". A released name gives its place back.
 */
export const OTHER = "other";

export class BoundedLabel {
	readonly #names = new Set<string>();

	constructor(readonly limit: number) {}

	/** The label value for a name. */
	of(name: string): string {
		if (this.#names.has(name)) return name;
		if (name === OTHER || this.#names.size >= this.limit) return OTHER;
		this.#names.add(name);
		return name;
	}

	/** Frees a name's place; true where it had one, and its series are to be removed. */
	release(name: string): boolean {
		return this.#names.delete(name);
	}
}
