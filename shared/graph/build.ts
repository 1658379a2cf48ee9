/** The ops as functions of values: what models are written in. Each adds a node to its operands' graph. */
import type { DType } from "./dtype.js";
import type { Value } from "./graph.js";
import type { OnnxAttrs, OpAttrs, OpName } from "./ops.js";
import type { Dim } from "./shape.js";

const one = <K extends OpName>(op: K, inputs: readonly Value[], attrs: OpAttrs<K>): Value => inputs[0]!.graph.apply(op, inputs, attrs)[0]!;
/** A number stands for a scalar constant. */
type Operand = Value | number;

function pair(op: "add" | "sub" | "mul" | "div", a: Operand, b: Operand): Value {
	const graph = (typeof a === "number" ? (b as Value) : a).graph;
	const value = (x: Operand) => (typeof x === "number" ? graph.scalar(x) : x);
	return graph.apply(op, [value(a), value(b)], {})[0]!;
}

export const add = (a: Operand, b: Operand): Value => pair("add", a, b);
export const sub = (a: Operand, b: Operand): Value => pair("sub", a, b);
export const mul = (a: Operand, b: Operand): Value => pair("mul", a, b);
export const div = (a: Operand, b: Operand): Value => pair("div", a, b);
export const neg = (x: Value): Value => one("neg", [x], {});
export const exp = (x: Value): Value => one("exp", [x], {});
export const log = (x: Value): Value => one("log", [x], {});
export const sqrt = (x: Value): Value => one("sqrt", [x], {});
export const erf = (x: Value): Value => one("erf", [x], {});
/** x·Φ(x), the exact form. */
export const gelu = (x: Value): Value => one("gelu", [x], {});
export const tanh = (x: Value): Value => one("tanh", [x], {});
export const sigmoid = (x: Value): Value => one("sigmoid", [x], {});
/** x·sigmoid(x). */
export const silu = (x: Value): Value => mul(x, sigmoid(x));

/** alpha · A·B over the last two axes, each transposed on request; leading axes broadcast. */
export function matmul(a: Value, b: Value, options: { transA?: boolean; transB?: boolean; alpha?: number } = {}): Value {
	return one("matmul", [a, b], { transA: options.transA ?? false, transB: options.transB ?? false, alpha: options.alpha ?? 1 });
}

/** x·Wᵀ + b. @shape x [T,K], weight [N,K], bias [N] → [T,N] */
export const linear = (x: Value, weight: Value, bias?: Value): Value => one("linear", bias ? [x, weight, bias] : [x, weight], {});
/** Softmax over the last axis. */
export const softmax = (x: Value): Value => one("softmax", [x], {});
/** Layer normalisation over the last axis. */
export const layerNorm = (x: Value, scale: Value, bias: Value, epsilon: number): Value => one("layerNorm", [x, scale, bias], { epsilon });
/** x over its root mean square, over the last axis. */
export const rmsNorm = (x: Value, scale: Value, epsilon: number): Value => one("rmsNorm", [x, scale], { epsilon });
export const reduceSum = (x: Value, axes: readonly number[], keepDims = false): Value => one("reduceSum", [x], { axes, keepDims });
export const reduceMean = (x: Value, axes: readonly number[], keepDims = false): Value => one("reduceMean", [x], { axes, keepDims });
export const transpose = (x: Value, perm: readonly number[]): Value => one("transpose", [x], { perm });
/** ONNX's Reshape: 0 keeps a dimension, -1 takes what is left, called `rest` where it depends on the run. */
export const reshape = (x: Value, to: readonly number[], rest?: Dim): Value => one("reshape", [x], { to, rest });
export const concat = (values: readonly Value[], axis: number): Value => one("concat", values, { axis });
/** Elements `start` to `end` of an axis whose size is known. */
export const slice = (x: Value, axis: number, start: number, end: number): Value => one("slice", [x], { axis, start, end });
export const pad = (x: Value, axis: number, before: number, after: number): Value => one("pad", [x], { axis, before, after });
/** Rows of `table` by index. Not differentiated. */
export const gather = (table: Value, index: Value): Value => one("gather", [table, index], {});
/** @shape x [T,D], padIndex [B,S], packIndex [T] → [B,S,D] */
export const padRows = (x: Value, padIndex: Value, packIndex: Value): Value => one("padRows", [x, padIndex, packIndex], {});
/** @shape x [B,S,D], padIndex [B,S], packIndex [T] → [T,D] */
export const packRows = (x: Value, padIndex: Value, packIndex: Value): Value => one("packRows", [x, padIndex, packIndex], {});
/** A weight in NF4 as graph values. @shape codes uint8 [N·K/2], planes uint8 [N·K/2] (quantization's `codePlanes`), absmax [N·K/64] */
export interface Nf4Weight {
	readonly codes: Value;
	readonly planes: Value;
	readonly absmax: Value;
	readonly shape: readonly [number, number];
}
/** x·Wᵀ. @shape x [T,K] → [T,N] */
export const linearNf4 = (x: Value, { codes, absmax, planes, shape }: Nf4Weight): Value =>
	one("linearNf4", [x, codes, absmax, planes], { shape });
/** Unpacks a weight. @shape → [N,K] */
export const dequantizeNf4 = ({ planes, absmax, shape }: Omit<Nf4Weight, "codes">): Value =>
	one("dequantizeNf4", [planes, absmax], { shape });
export const cast = (x: Value, to: DType): Value => one("cast", [x], { to });

/** Mean cross-entropy of softmax(h·tableᵀ + bias) with the labels. @shape h [N,D], table [V,D], labels int64 [N], bias [V] → [] */
export function vocabularyCrossEntropy(h: Value, table: Value, labels: Value, bias?: Value, chunk = 2048): Value {
	return one("vocabularyCrossEntropy", bias ? [h, table, labels, bias] : [h, table, labels], { chunk });
}

/** Any ONNX operator as it stands; never differentiated. */
export const onnx = (inputs: readonly Value[], attrs: OnnxAttrs): Value[] => inputs[0]!.graph.apply("onnx", inputs, attrs);
