/** The layers that encoders are made of, as differentiable ops over packed rows. */
import { add, erf, linear, matmul, mul, packRows, padRows, reshape, softmax, transpose, type Value } from "../graph/index.js";

/** x·Φ(x), the exact form. */
export function gelu(x: Value): Value {
	return mul(x, mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5));
}

export interface LoraFactors {
	/** [R,K] */
	readonly a: Value;
	/** [N,R] */
	readonly b: Value;
	readonly scale: number;
}

/** x·Wᵀ + bias, plus scale·(x·Aᵀ)·Bᵀ where there are factors. @shape x [T,K] → [T,N] */
export function loraLinear(x: Value, weight: Value, bias: Value, lora: LoraFactors | undefined): Value {
	const frozen = linear(x, weight, bias);
	if (!lora) return frozen;
	return add(frozen, matmul(linear(x, lora.a), lora.b, { transB: true, alpha: lora.scale }));
}

/** Texts laid end to end, and how attention finds them apart. */
export interface PackedTexts {
	/** Row of each token in the word embeddings. @shape [T] */
	readonly ids: Value;
	/** @shape [T] */
	readonly positions: Value;
	/** Row of each place, T for padding. @shape [B,S] */
	readonly padIndex: Value;
	/** Place b·S+s of each row. @shape [T] */
	readonly packIndex: Value;
	/** Added to the scores: 0 where a key may be seen, else a large negative number. @shape [B,1,1,S] or [1,1,S,S] */
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
