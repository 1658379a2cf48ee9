/**
 * Where a batch's texts lie: end to end for the linear layers, in padded rows for attention, where short texts share a row
 * under a mask. A text starts at a multiple of a vector register's numbers, so that attention adds its numbers up in the
 * same order wherever it lies: its result is the same to the last bit, and 8-bit rounding after it can not differ either.
 */
import { float32, int64, type Tensor } from "../../runtime/index.js";
import { type Place, placeInRows } from "../packing.js";
import { type PackedTensor, wordRows } from "./weights.js";

/** float32 numbers of the widest vector register (AVX-512). */
const ALIGNMENT = 16;
/** Added to the score of a key that must not be seen: its weight becomes exactly 0. */
const HIDDEN = -1e9;

export class TextRows {
	readonly tokens: number;
	/** S. */
	readonly longest: number;
	/** R. */
	readonly rows: number;
	readonly #places: readonly Place[];

	/** @param lengths tokens of each text, in the batch's order · @param share whether short texts may share rows */
	constructor(
		readonly lengths: readonly number[],
		share = true,
	) {
		this.tokens = lengths.reduce((sum, length) => sum + length, 0);
		this.longest = Math.max(...lengths);
		this.#places = share ? placeInRows(lengths, this.longest, ALIGNMENT) : lengths.map((_, row) => ({ row, column: 0 }));
		this.rows = this.#places.reduce((most, { row }) => Math.max(most, row + 1), 0);
	}

	/** Whether some row holds more than one text. */
	get shared(): boolean {
		return this.rows < this.lengths.length;
	}

	/** Inputs `texts.*` of the embed graph. @param ids of all texts, end to end */
	feeds(ids: Int32Array, heads: number, base: readonly PackedTensor[]): Record<string, Tensor> {
		const { tokens, longest, rows } = this;
		const positions = new BigInt64Array(tokens);
		const contextStart = new BigInt64Array(tokens);
		const padIndex = new BigInt64Array(rows * longest);
		this.#each((start, length, place, row) => {
			// Padding repeats a token of a text in that row, so that nothing foreign is ever read.
			if (place === row * longest) padIndex.fill(BigInt(start), place, place + longest);
			for (let s = 0; s < length; s++) {
				positions[start + s] = BigInt(s);
				// Row r of the heads' results holds H·S places, the first head's first.
				contextStart[start + s] = BigInt(row * longest * (heads - 1) + place + s);
			}
		});
		this.#each((start, length, place) => {
			for (let s = 0; s < length; s++) padIndex[place + s] = BigInt(start + s);
		});
		return {
			"texts.words": wordRows(base, ids),
			"texts.positions": int64(positions, [tokens]),
			"texts.pad_index": int64(padIndex, [rows, 1, longest]),
			"texts.context_start": int64(contextStart, [tokens, 1]),
			"texts.head_start": int64(
				BigInt64Array.from({ length: heads }, (_, h) => BigInt(h * longest)),
				[heads],
			),
			"texts.mask": this.#mask(),
		};
	}

	/** Shows each token its own text. @shape [R,1,S,S], or [R,1,1,S] where each row holds one text */
	#mask(): Tensor {
		const { longest, rows, shared } = this;
		const queries = shared ? longest : 1;
		const mask = new Float32Array(rows * queries * longest).fill(HIDDEN);
		this.#each((_, length, place, row) => {
			const column = place - row * longest;
			for (let s = 0; s < (shared ? length : 1); s++) {
				const from = (row * queries + (shared ? column + s : 0)) * longest + column;
				mask.fill(0, from, from + length);
			}
		});
		return float32(mask, [rows, 1, queries, longest]);
	}

	#each(visit: (start: number, length: number, place: number, row: number) => void): void {
		let start = 0;
		this.lengths.forEach((length, text) => {
			const { row, column } = this.#places[text]!;
			visit(start, length, row * this.longest + column, row);
			start += length;
		});
	}
}
