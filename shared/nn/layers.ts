/** The layers that encoders are made of, as differentiable ops over packed rows. */
import { add, linear, matmul, packRows, padRows, reshape, softmax, transpose, type Value } from "../graph/index.js";

export interface LoraFactors {
	/** [R,K] */
	readonly a: Value;
	/** [N,R] */
	readonly b: Value;
	readonly scale: number;
}

/**
 * A frozen product x·Wᵀ made whole: its bias, and scale·(x·Aᵀ)·Bᵀ where there are factors (the bias then comes with their
 * product, which costs no pass of its own). @shape x [T,K], product [T,N] → [T,N]
 */
export function loraLinear(x: Value, product: Value, bias: Value, lora: LoraFactors | undefined): Value {
	if (!lora) return add(product, bias);
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

/** Attention of each text over itself. @shape q, k, v [T,D] → [T,D] */
export function packedAttention(q: Value, k: Value, v: Value, texts: PackedTexts, heads: number): Value {
	const hidden = q.shape[1] as number;
	const size = hidden / heads;
	const split = (x: Value) => transpose(reshape(padRows(x, texts.padIndex, texts.packIndex), [0, 0, heads, size]), [0, 2, 1, 3]);
	const scores = add(matmul(split(q), split(k), { transB: true, alpha: 1 / Math.sqrt(size) }), texts.mask);
	const context = transpose(matmul(softmax(scores), split(v)), [0, 2, 1, 3]);
	return packRows(reshape(context, [0, 0, hidden]), texts.padIndex, texts.packIndex);
}
