/**
 * A vocabulary's pieces by their UTF-16 units, in three flat arrays. As objects and maps, multilingual-e5-small's 250,000 pieces are
 * 150 MiB; here they are 8.
 */
export class PieceTrie {
	/** Of each node the first of its children, which follow each other in the order of their units; the next node's first ends them. */
	readonly #firstChild: Int32Array;
	readonly #unit: Uint16Array;
	/** Id of the piece that ends at a node, or -1. */
	readonly #id: Int32Array;

	/** @param pieces by their id; of equal ones the last counts */
	constructor(pieces: readonly string[]) {
		const sorted = sortedPieces(pieces);
		const nodes = countNodes(sorted);
		this.#firstChild = new Int32Array(nodes + 1);
		this.#unit = new Uint16Array(nodes);
		this.#id = new Int32Array(nodes).fill(-1);
		this.#build(sorted, nodes);
	}

	/** The exact piece's id. */
	get(piece: string): number | undefined {
		let node = 0;
		for (let i = 0; i < piece.length && node >= 0; i++) node = this.#child(node, piece.charCodeAt(i));
		const id = node > 0 ? this.#id[node]! : -1;
		return id < 0 ? undefined : id;
	}

	/** Tells the pieces that begin at `start`, shortest first. */
	eachPrefix(text: string, start: number, found: (stop: number, id: number) => void): void {
		let node = 0;
		for (let at = start; at < text.length; at++) {
			node = this.#child(node, text.charCodeAt(at));
			if (node < 0) return;
			const id = this.#id[node]!;
			if (id >= 0) found(at + 1, id);
		}
	}

	#child(node: number, unit: number): number {
		let low = this.#firstChild[node]!;
		let high = this.#firstChild[node + 1]!;
		while (low < high) {
			const middle = (low + high) >> 1;
			const here = this.#unit[middle]!;
			if (here === unit) return middle;
			if (here < unit) low = middle + 1;
			else high = middle;
		}
		return -1;
	}

	/** Level by level: the pieces below a node are a range of the sorted ones. */
	#build(sorted: readonly SortedPiece[], nodes: number): void {
		const from = new Int32Array(nodes);
		const to = new Int32Array(nodes);
		const depth = new Uint16Array(nodes);
		to[0] = sorted.length;
		let next = 1;
		for (let node = 0; node < nodes; node++) {
			this.#firstChild[node] = next;
			const level = depth[node]!;
			let at = from[node]!;
			for (; at < to[node]! && sorted[at]!.piece.length === level; at++) this.#id[node] = sorted[at]!.id;
			while (at < to[node]!) {
				const unit = sorted[at]!.piece.charCodeAt(level);
				this.#unit[next] = unit;
				depth[next] = level + 1;
				from[next] = at;
				while (at < to[node]! && sorted[at]!.piece.charCodeAt(level) === unit) at++;
				to[next++] = at;
			}
		}
		this.#firstChild[nodes] = next;
	}
}

interface SortedPiece {
	readonly piece: string;
	readonly id: number;
}

/** By UTF-16 units. A piece with half a character fits no text. */
function sortedPieces(pieces: readonly string[]): SortedPiece[] {
	const whole = pieces.map((piece, id) => ({ piece, id })).filter(({ piece }) => piece !== "" && piece.isWellFormed());
	return whole.sort((a, b) => (a.piece < b.piece ? -1 : a.piece > b.piece ? 1 : a.id - b.id));
}

/** One for the root, and for each piece what it does not share with the one before it. */
function countNodes(sorted: readonly SortedPiece[]): number {
	let count = 1;
	let before = "";
	for (const { piece } of sorted) {
		let shared = 0;
		while (shared < piece.length && shared < before.length && piece.charCodeAt(shared) === before.charCodeAt(shared)) shared++;
		count += piece.length - shared;
		before = piece;
	}
	return count;
}
