/** The layers that encoders are made of, as differentiable ops over packed rows. */
import { add, linear, matmul, onnx, packRows, padRows, reshape, softmax, transpose, type Value } from "../graph/index.js";
import type { EncoderConfig } from "../models/index.js";

export interface LoraFactors {
	/** [R,K] */
	readonly a: Value;
	/** [N,R] */
	readonly b: Value;
	readonly scale: number;
}

/**
 * A frozen product x·Wᵀ made whole: its bias, if any, and scale·(x·Aᵀ)·Bᵀ where there are factors (the bias then comes with
 * their product, which costs no pass of its own). @shape x [T,K], product [T,N] → [T,N]
 */
export function loraLinear(x: Value, product: Value, bias: Value | undefined, lora: LoraFactors | undefined): Value {
	if (!lora) return bias ? add(product, bias) : product;
	return add(product, linear(matmul(x, lora.a, { transB: true, alpha: lora.scale }), lora.b, bias));
}

/** Texts laid end to end, and how attention finds them apart. */
export interface PackedTexts {
	/** Row of each token in the word embeddings. @shape [T] */
	readonly ids: Value;
	/** @shape [T] */
	readonly positions: Value;
	/** Token of each place in attention's rows, T for padding. @shape [R,S] */
	readonly padIndex: Value;
	/** Place r·S+s of each token. @shape [T] */
	readonly packIndex: Value;
	/** Added to the scores: 0 where a key may be seen, else a large negative number. @shape [R,1,S,S] or [R,1,1,S] */
	readonly mask: Value;
}

export interface Heads {
	readonly heads: number;
	/** Heads of keys and values. */
	readonly kvHeads: number;
	readonly size: number;
}

export const headsOf = ({ heads, kvHeads = heads, hiddenSize, headSize = hiddenSize / heads }: EncoderConfig): Heads => ({
	heads,
	kvHeads,
	size: headSize,
});

/**
 * Attention of each text over itself. @shape q [T,heads·size], k, v [T,kvHeads·size] → [T,heads·size]
 * @param mask added to the scores: texts.mask, and what an architecture adds to it. @shape [R,1 or H,S,S]
 */
export function packedAttention(q: Value, k: Value, v: Value, texts: PackedTexts, shape: Heads, mask: Value): Value {
	const { heads, kvHeads, size } = shape;
	if (kvHeads < heads) return groupedAttention(q, k, v, texts, shape, mask);
	const split = (x: Value) => transpose(reshape(padRows(x, texts.padIndex, texts.packIndex), [0, 0, heads, size]), [0, 2, 1, 3]);
	const scores = add(matmul(split(q), split(k), { transB: true, alpha: 1 / Math.sqrt(size) }), mask);
	const context = transpose(matmul(softmax(scores), split(v)), [0, 2, 1, 3]);
	return packRows(reshape(context, [0, 0, heads * size]), texts.padIndex, texts.packIndex);
}

/** Each head of keys and values serves a group of queries: one more axis, along which they are the same. */
function groupedAttention(q: Value, k: Value, v: Value, texts: PackedTexts, { heads, kvHeads, size }: Heads, mask: Value): Value {
	const split = (x: Value, group: number) =>
		transpose(reshape(padRows(x, texts.padIndex, texts.packIndex), [0, 0, kvHeads, group, size]), [0, 2, 3, 1, 4]);
	const group = heads / kvHeads;
	const scores = matmul(split(q, group), split(k, 1), { transB: true, alpha: 1 / Math.sqrt(size) });
	const context = transpose(matmul(softmax(add(scores, overGroups(mask))), split(v, 1)), [0, 3, 1, 2, 4]);
	return packRows(reshape(context, [0, 0, heads * size]), texts.padIndex, texts.packIndex);
}

/** @shape mask [R,1,S,S] → [R,1,1,S,S] */
export function overGroups(mask: Value): Value {
	const axis = mask.graph.constant("group_axis", "int64", [1], BigInt64Array.of(1n));
	const [rows, heads, ...places] = mask.shape;
	const outputs = [{ dtype: mask.dtype, shape: [rows!, 1, heads!, ...places] }];
	return onnx([mask, axis], { opType: "Unsqueeze", domain: "", attributes: {}, outputs })[0]!;
}
