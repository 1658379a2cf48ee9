/** Losses over sentence vectors. z(x̃): the noisy text's vector, z(x): the clean text's, b(x): the frozen base's. */
import { add, div, exp, log, matmul, mul, reduceMean, reduceSum, sqrt, sub, transpose, type Value } from "../graph/index.js";

/** Rows scaled to length 1. @shape [B,D] → [B,D] */
export function unitRows(z: Value): Value {
	return div(z, sqrt(reduceSum(mul(z, z), [-1], true)));
}

/** log Σ exp of each row. */
const logSumExp = (scores: Value): Value => log(reduceSum(exp(scores), [-1]));

/**
 * ½[CE(S, I) + CE(Sᵀ, I)] with S_ij = cos(z(x̃_i), z(x_j)) / temperature. The scores are at most 1/temperature = 20, so
 * their exponentials need no shift. @shape noisy, clean [B,D] → []
 */
export function contrastiveLoss(noisy: Value, clean: Value, temperature = 0.05): Value {
	const [u, v] = [unitRows(noisy), unitRows(clean)];
	const scores = matmul(u, v, { transB: true, alpha: 1 / temperature });
	const both = mul(add(logSumExp(scores), logSumExp(transpose(scores, [1, 0]))), 0.5);
	const own = mul(reduceSum(mul(u, v), [-1]), 1 / temperature);
	return reduceMean(sub(both, own), [0]);
}

/** A line that cosines are brought onto: scale · cos + shift. @shape scale, shift [] */
export interface CosineLine {
	readonly scale: Value;
	readonly shift: Value;
}

/**
 * Mean over i ≠ j of (cos(z_i, z_j) − cos(b_i, b_j))², the base's cosines brought onto a line if one is given: keeps the similarities
 * that the base sees. @shape clean, base [B,D], pairs [B,B]: 1/(B·(B−1)), and 0 on the diagonal → []
 */
export function anchorLoss(clean: Value, base: Value, pairs: Value, line?: CosineLine): Value {
	const cosines = (z: Value) => matmul(unitRows(z), unitRows(z), { transB: true });
	const own = cosines(base);
	const drift = sub(cosines(clean), line ? add(mul(own, line.scale), line.shift) : own);
	return reduceSum(mul(mul(drift, drift), pairs), [0, 1]);
}
