/** Token ids of a batch's texts → the feeds of a training step. Everything is packed: no row is spent on padding. */

import type { Pooling } from "../models/index.js";
import { float32, int64, type Tensor } from "../runtime/index.js";
import { Packing } from "./packing.js";
import { needsCleanVectors, type Objective } from "./training-step.js";

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

/** The feeds of a step that depend on its texts. @throws (assertion) for a text of fewer than two tokens */
export function batchFeeds(texts: readonly TrainingText[], { objective, pooling }: BatchOptions): Record<string, Tensor> {
	const noisy = texts.map((text) => text.noisy);
	const clean = texts.map((text) => text.clean);
	const paired = needsCleanVectors(objective);
	const encoder = new Packing(paired ? [...noisy, ...clean] : noisy, "shared");
	return {
		...encoder.feeds("encoder"),
		"encoder.mask": encoder.mask({ causal: false }),
		"encoder.pool_noisy": encoder.poolMatrix(pooling, 0, texts.length),
		...(paired ? { "encoder.pool_clean": encoder.poolMatrix(pooling, texts.length, texts.length) } : {}),
		...(objective.tsdae > 0 ? decoderFeeds(texts) : {}),
		...(objective.anchor > 0 ? baseFeeds(clean, pooling) : {}),
	};
}

/** The decoder reads all but the last token of each text, and predicts all but the first. */
function decoderFeeds(texts: readonly TrainingText[]): Record<string, Tensor> {
	const packing = new Packing(
		texts.map(({ clean }) => clean.subarray(0, -1)),
		"shared",
	);
	const labels = new BigInt64Array(packing.tokens);
	packing.each((row, b, s) => {
		labels[row] = BigInt(texts[b]!.labels[s + 1]!);
	});
	return {
		...packing.feeds("decoder"),
		"decoder.mask": packing.mask({ causal: true }),
		"decoder.segments": packing.segments(),
		"decoder.labels": int64(labels, [packing.tokens]),
	};
}

function baseFeeds(clean: readonly Int32Array[], pooling: Pooling): Record<string, Tensor> {
	const packing = new Packing(clean, "shared");
	return {
		...packing.feeds("base"),
		"base.mask": packing.mask({ causal: false }),
		"base.pool": packing.poolMatrix(pooling, 0, clean.length),
		"base.pairs": float32(pairWeights(clean.length), [clean.length, clean.length]),
	};
}

/** The same weight for every two different rows, none for a row and itself; together 1. @shape [rows, rows] */
function pairWeights(rows: number): Float32Array {
	const weights = new Float32Array(rows * rows).fill(1 / Math.max(1, rows * (rows - 1)));
	for (let i = 0; i < rows; i++) weights[i * rows + i] = 0;
	return weights;
}
