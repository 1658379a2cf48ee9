/** Texts of different lengths in one graph run: laid end to end for linear layers, padded for attention. */
import type { DType, Graph, Shape } from "../graph/index.js";
import type { Pooling } from "../models/index.js";
import { float32, int64, type Tensor } from "../runtime/index.js";
import { HIDDEN } from "./attention-bias.js";
import type { PackedTexts } from "./layers.js";

/** Where a text lies in attention's rows. */
export interface Place {
	readonly row: number;
	readonly column: number;
}

/**
 * Texts share attention's rows, several short ones in one, under a mask that keeps them apart: the work of attention
 * grows with the tokens of a batch and its longest text, not with its number of texts. First fit, longest first.
 * @param size places of a row · @param alignment what columns are multiples of
 * @source sequence packing: Krell et al. 2021
 */
export function placeInRows(lengths: readonly number[], size: number, alignment = 1): Place[] {
	const places: Place[] = [];
	const filled: number[] = [];
	const longestFirst = lengths.map((_, b) => b).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
	for (const b of longestFirst) {
		const length = lengths[b]!;
		const found = filled.findIndex((used) => used + length <= size);
		const row = found < 0 ? filled.push(0) - 1 : found;
		places[b] = { row, column: filled[row]! };
		filled[row] = Math.ceil((filled[row]! + length) / alignment) * alignment;
	}
	return places;
}

/** Where each token lies when texts are laid end to end, and in the rows that attention works on. */
export class Packing {
	readonly tokens: number;
	readonly longest: number;
	readonly starts: Int32Array;
	/** Rows of attention. */
	readonly rows: number;
	readonly #places: readonly Place[];

	/** @param rows alone: each text in a row of its own; shared: short texts side by side */
	constructor(
		readonly texts: readonly Int32Array[],
		rows: "alone" | "shared" = "alone",
	) {
		this.starts = new Int32Array(texts.length);
		let [tokens, longest] = [0, 0];
		texts.forEach((text, b) => {
			this.starts[b] = tokens;
			tokens += text.length;
			longest = Math.max(longest, text.length);
		});
		this.tokens = tokens;
		this.longest = longest;
		this.#places =
			rows === "shared"
				? placeInRows(
						texts.map(({ length }) => length),
						longest,
					)
				: texts.map((_, row) => ({ row, column: 0 }));
		this.rows = this.#places.reduce((most, { row }) => Math.max(most, row + 1), 0);
	}

	/** Calls back with (row, text, position) of each token. */
	each(visit: (row: number, text: number, position: number) => void): void {
		this.texts.forEach((text, b) => {
			for (let s = 0; s < text.length; s++) visit(this.starts[b]! + s, b, s);
		});
	}

	/** ids, positions, pad_index and pack_index of PackedTexts. */
	feeds(prefix: string): Record<string, Tensor> {
		const { tokens, longest, texts, rows } = this;
		const ids = new BigInt64Array(tokens);
		const positions = new BigInt64Array(tokens);
		const packIndex = new BigInt64Array(tokens);
		const padIndex = new BigInt64Array(rows * longest).fill(BigInt(tokens));
		this.each((token, b, s) => {
			const { row, column } = this.#places[b]!;
			const place = row * longest + column + s;
			ids[token] = BigInt(texts[b]![s]!);
			positions[token] = BigInt(s);
			packIndex[token] = BigInt(place);
			padIndex[place] = BigInt(token);
		});
		return {
			[`${prefix}.ids`]: int64(ids, [tokens]),
			[`${prefix}.positions`]: int64(positions, [tokens]),
			[`${prefix}.pack_index`]: int64(packIndex, [tokens]),
			[`${prefix}.pad_index`]: int64(padIndex, [rows, longest]),
		};
	}

	/** Hides padding, where each text has a row of its own. @shape [B,1,1,S] */
	paddingMask(): Tensor {
		const mask = new Float32Array(this.texts.length * this.longest).fill(HIDDEN);
		this.texts.forEach((text, b) => {
			mask.fill(0, b * this.longest, b * this.longest + text.length);
		});
		return float32(mask, [this.texts.length, 1, 1, this.longest]);
	}

	/** Shows each token its own text: all of it, or up to itself (causal). @shape [R,1,S,S] */
	mask({ causal }: { causal: boolean }): Tensor {
		const size = this.longest;
		const mask = new Float32Array(this.rows * size * size).fill(HIDDEN);
		this.each((_, b, s) => {
			const { row, column } = this.#places[b]!;
			const start = (row * size + column + s) * size + column;
			mask.fill(0, start, start + (causal ? s + 1 : this.texts[b]!.length));
		});
		return float32(mask, [this.rows, 1, size, size]);
	}

	/** Sentence vectors of texts [from, from+count) as a product with the token states. @shape [count,T] */
	poolMatrix(pooling: Pooling, from: number, count: number): Tensor {
		const matrix = new Float32Array(count * this.tokens);
		for (let i = 0; i < count; i++) {
			const start = i * this.tokens + this.starts[from + i]!;
			const length = this.texts[from + i]!.length;
			if (pooling === "cls") matrix[start] = 1;
			else if (pooling === "lasttoken") matrix[start + length - 1] = 1;
			else matrix.fill(1 / length, start, start + length);
		}
		return float32(matrix, [count, this.tokens]);
	}

	/** 1 where token t belongs to text b. @shape [T,B] */
	segments(): Tensor {
		const matrix = new Float32Array(this.tokens * this.texts.length);
		this.each((row, b) => {
			matrix[row * this.texts.length + b] = 1;
		});
		return float32(matrix, [this.tokens, this.texts.length]);
	}
}

/** The inputs of packed texts, declared under a prefix. */
export function packedInputs(
	graph: Graph,
	prefix: string,
	mask: Shape,
	size: { rows: string; longest: string; tokens: string },
): PackedTexts {
	const declare = (name: string, dtype: DType, shape: Shape) => graph.input(`${prefix}.${name}`, dtype, shape);
	return {
		ids: declare("ids", "int64", [size.tokens]),
		positions: declare("positions", "int64", [size.tokens]),
		padIndex: declare("pad_index", "int64", [size.rows, size.longest]),
		packIndex: declare("pack_index", "int64", [size.tokens]),
		mask: declare("mask", "float32", mask),
	};
}
