/** Token ids of a batch's texts → the feeds of a training step. Everything is packed: no row is spent on padding. */

import type { Pooling } from "../models/index.js";
import { float32, int64, type Tensor } from "../runtime/index.js";
import { needsCleanVectors, type Objective } from "./training-step.js";

/** Added to the score of a key that must not be seen: far below any score, and finite, so that no NaN can arise. */
const HIDDEN = -1e9;

/** One text: its noisy and its clean ids, as rows of the embedding table. */
export interface TrainingText {
	readonly noisy: Int32Array;
	readonly clean: Int32Array;
	/** The clean ids as rows of the softmax's vocabulary. */
	readonly labels: Int32Array;
}

export interface BatchOptions {
	readonly objective: Objective;
	readonly pooling: Pooling;
}

/** Where each token lies when texts are laid end to end, and when they are padded. */
class Packing {
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

/** The feeds of a step that depend on its texts. @throws (assertion) for a text of fewer than two tokens */
export function batchFeeds(texts: readonly TrainingText[], { objective, pooling }: BatchOptions): Record<string, Tensor> {
	const noisy = texts.map((text) => text.noisy);
	const clean = texts.map((text) => text.clean);
	const paired = needsCleanVectors(objective);
	const encoder = new Packing(paired ? [...noisy, ...clean] : noisy);
	return {
		...encoder.feeds("encoder"),
		"encoder.mask": encoder.paddingMask(),
		"encoder.pool_noisy": encoder.poolMatrix(pooling, 0, texts.length),
		...(paired ? { "encoder.pool_clean": encoder.poolMatrix(pooling, texts.length, texts.length) } : {}),
		...(objective.tsdae > 0 ? decoderFeeds(texts) : {}),
		...(objective.anchor > 0 ? baseFeeds(clean, pooling) : {}),
	};
}

/** The decoder reads all but the last token of each text, and predicts all but the first. */
function decoderFeeds(texts: readonly TrainingText[]): Record<string, Tensor> {
	const packing = new Packing(texts.map(({ clean }) => clean.subarray(0, -1)));
	const labels = new BigInt64Array(packing.tokens);
	packing.each((row, b, s) => {
		labels[row] = BigInt(texts[b]!.labels[s + 1]!);
	});
	return {
		...packing.feeds("decoder"),
		"decoder.mask": packing.causalMask(),
		"decoder.segments": packing.segments(),
		"decoder.labels": int64(labels, [packing.tokens]),
	};
}

function baseFeeds(clean: readonly Int32Array[], pooling: Pooling): Record<string, Tensor> {
	const packing = new Packing(clean);
	const pairs = clean.length * (clean.length - 1);
	return {
		...packing.feeds("base"),
		"base.mask": packing.paddingMask(),
		"base.pool": packing.poolMatrix(pooling, 0, clean.length),
		"base.pairs": float32(Float32Array.of(1 / Math.max(1, pairs)), []),
	};
}
