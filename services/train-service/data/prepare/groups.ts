/** Numbers in groups (union–find); a group is called by its smallest number. */
export class Groups {
	readonly #parent: Uint32Array;

	constructor(count: number) {
		this.#parent = Uint32Array.from({ length: count }, (_, i) => i);
	}

	of(member: number): number {
		let root = member;
		while (this.#parent[root] !== root) root = this.#parent[root]!;
		// The next look-up is short.
		for (let at = member; at !== root; ) {
			const next = this.#parent[at]!;
			this.#parent[at] = root;
			at = next;
		}
		return root;
	}

	join(a: number, b: number): void {
		const [x, y] = [this.of(a), this.of(b)];
		this.#parent[Math.max(x, y)] = Math.min(x, y);
	}
}
