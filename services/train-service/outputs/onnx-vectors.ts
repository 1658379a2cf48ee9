/** Sentence vectors of an exported ONNX file, as its users get them: padded batches, pooled and normalised outside of it. */

import { unitVectors } from "@dak/shared/evaluation";
import type { Pooling } from "@dak/shared/models";
import { type Device, int64, Session } from "@dak/shared/runtime";

export interface OnnxVectorsOptions {
	readonly pooling: Pooling;
	readonly padTokenId: number;
	/** Whether the graph takes token types. */
	readonly tokenTypes: boolean;
	readonly dimension: number;
	readonly device: Device;
	readonly threads: number;
}

const BATCH = 16;

/** @shape texts: B rows of ids → [B,D], unit vectors */
export async function onnxVectors(path: string, texts: readonly Int32Array[], options: OnnxVectorsOptions): Promise<Float32Array> {
	const { device, threads, dimension } = options;
	// Its own readers let ONNX Runtime rewrite the graph as it likes.
	const session = await Session.create(path, { device, threads, memory: "lean", disabledOptimizers: [] });
	try {
		const vectors = new Float32Array(texts.length * dimension);
		for (let at = 0; at < texts.length; at += BATCH)
			vectors.set(await batchVectors(session, texts.slice(at, at + BATCH), options), at * dimension);
		return unitVectors(vectors, dimension).data;
	} finally {
		await session.dispose();
	}
}

async function batchVectors(session: Session, texts: readonly Int32Array[], options: OnnxVectorsOptions): Promise<Float32Array> {
	const longest = texts.reduce((most, { length }) => Math.max(most, length), 0);
	const [ids, mask] = [
		new BigInt64Array(texts.length * longest).fill(BigInt(options.padTokenId)),
		new BigInt64Array(texts.length * longest),
	];
	texts.forEach((text, b) => {
		text.forEach((id, s) => {
			ids[b * longest + s] = BigInt(id);
		});
		mask.fill(1n, b * longest, b * longest + text.length);
	});
	const shape = [texts.length, longest];
	const feeds = {
		input_ids: int64(ids, shape),
		attention_mask: int64(mask, shape),
		...(options.tokenTypes ? { token_type_ids: int64(new BigInt64Array(ids.length), shape) } : {}),
	};
	const { last_hidden_state: states } = await session.run(feeds);
	return pooled(states!.data as Float32Array, texts, longest, options);
}

/** @shape states [B,S,D] → [B,D] */
function pooled(
	states: Float32Array,
	texts: readonly Int32Array[],
	longest: number,
	{ pooling, dimension }: OnnxVectorsOptions,
): Float32Array {
	const vectors = new Float32Array(texts.length * dimension);
	texts.forEach(({ length }, b) => {
		const [first, last] = pooling === "lasttoken" ? [length - 1, length] : [0, pooling === "cls" ? 1 : length];
		const count = last - first;
		for (let s = first; s < last; s++) {
			const start = (b * longest + s) * dimension;
			for (let d = 0; d < dimension; d++) vectors[b * dimension + d]! += states[start + d]! / count;
		}
	});
	return vectors;
}
