/**
 * Products in half precision: operands are rounded to 16 bits, sums are the provider's own (tensor cores add in 32), and the
 * result is fp32 again. Only products with frozen weights are written so: their operands are layer-normed states, or gradients
 * that `buildTrainingStep` has scaled into a half's range.
 */
import type { Emitter } from "./emit.js";

const FLOAT = 1;
const FLOAT16 = 10;

/** a·b, or a·bᵀ. @shape a [T,K], b [K,N] or [N,K] → [T,N] */
export function emitHalfProduct(e: Emitter, a: string, b: string, transB: boolean, output: string): void {
	const half = (x: string) => e.node("Cast", [x], { attributes: { to: FLOAT16 } });
	const operands = [half(a), half(b)];
	const product = transB ? e.node("Gemm", operands, { attributes: { transB: 1 } }) : e.node("MatMul", operands);
	e.node("Cast", [product], { attributes: { to: FLOAT }, outputs: [output] });
}
