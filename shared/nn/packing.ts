/** Texts of different lengths in one graph run: laid end to end for linear layers, padded for attention. */
import type { DType, Graph, Shape } from "../graph/index.js";
import type { Pooling } from "../models/index.js";
import { float32, int64, type Tensor } from "../runtime/index.js";
import type { PackedTexts } from "./layers.js";

/** Added to the score of a key that must not be seen: far below any score, and finite, so that no NaN can arise. */
const HIDDEN = -1e9;

/** Where each token lies when texts are laid end to end, and when they are padded. */
export class Packing {
	readonly tokens: number;
	readonly longest: number;
	readonly starts: Int32Array;

	constructor(readonly texts: readonly Int32Array[]) {
		this.starts = new Int32Array(texts.length);
		let [tokens, longest] = [0, 0];
		texts.forEach((text, b) => {
			this.starts[b] = tokens;
			tokens += text.length;
			longest = Math.max(longest, text.length);
		});
		this.tokens = tokens;
		this.longest = longest;
	}

	/** Calls back with (row, text, position) of each token. */
	each(visit: (row: number, text: number, position: number) => void): void {
		this.texts.forEach((text, b) => {
			for (let s = 0; s < text.length; s++) visit(this.starts[b]! + s, b, s);
		});
	}

	/** ids, positions, pad_index and pack_index of PackedTexts. */
	feeds(prefix: string): Record<string, Tensor> {
		const { tokens, longest, texts } = this;
		const ids = new BigInt64Array(tokens);
		const positions = new BigInt64Array(tokens);
		const packIndex = new BigInt64Array(tokens);
		const padIndex = new BigInt64Array(texts.length * longest).fill(BigInt(tokens));
		this.each((row, b, s) => {
			ids[row] = BigInt(texts[b]![s]!);
			positions[row] = BigInt(s);
			packIndex[row] = BigInt(b * longest + s);
			padIndex[b * longest + s] = BigInt(row);
		});
		return {
			[`${prefix}.ids`]: int64(ids, [tokens]),
			[`${prefix}.positions`]: int64(positions, [tokens]),
			[`${prefix}.pack_index`]: int64(packIndex, [tokens]),
			[`${prefix}.pad_index`]: int64(padIndex, [texts.length, longest]),
		};
	}

	/** Hides padding. @shape [B,1,1,S] */
	paddingMask(): Tensor {
		const mask = new Float32Array(this.texts.length * this.longest).fill(HIDDEN);
		this.texts.forEach((text, b) => {
			mask.fill(0, b * this.longest, b * this.longest + text.length);
		});
		return float32(mask, [this.texts.length, 1, 1, this.longest]);
	}

	/** Hides later tokens; padding comes after every real token, so it is hidden too. @shape [1,1,S,S] */
	causalMask(): Tensor {
		const size = this.longest;
		const mask = new Float32Array(size * size);
		for (let s = 0; s < size; s++) mask.fill(HIDDEN, s * size + s + 1, (s + 1) * size);
		return float32(mask, [1, 1, size, size]);
	}

	/** Sentence vectors of texts [from, from+count) as a product with the token states. @shape [count,T] */
	poolMatrix(pooling: Pooling, from: number, count: number): Tensor {
		const matrix = new Float32Array(count * this.tokens);
		for (let i = 0; i < count; i++) {
			const start = i * this.tokens + this.starts[from + i]!;
			const length = this.texts[from + i]!.length;
			if (pooling === "cls") matrix[start] = 1;
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
	size: { texts: string; longest: string; tokens: string },
): PackedTexts {
	const declare = (name: string, dtype: DType, shape: Shape) => graph.input(`${prefix}.${name}`, dtype, shape);
	return {
		ids: declare("ids", "int64", [size.tokens]),
		positions: declare("positions", "int64", [size.tokens]),
		padIndex: declare("pad_index", "int64", [size.texts, size.longest]),
		packIndex: declare("pack_index", "int64", [size.tokens]),
		mask: declare("mask", "float32", mask),
	};
}
