/**
 * The ops: one row each, with its shape rule and how ONNX writes it. How each is differentiated stands in autodiff/.
 * Shape letters: B batch, S tokens of the longest text, T tokens of all texts, D hidden, V vocabulary, N out, K in.
 */
import { assert } from "../errors/index.js";
import { type DType, ONNX_TYPE } from "./dtype.js";
import type { Emitter, NodeOptions, OnnxAttribute } from "./emit.js";
import { emitDequantizeNf4, emitLayerNorm, emitRmsNorm, emitVocabularyCrossEntropy, unpackNf4 } from "./emit-composite.js";
import { emitHalfProduct } from "./emit-half.js";
import type { Node, Value, ValueType } from "./graph.js";
import { broadcastShapes, type Dim, normalAxis, reshapeShape, type Shape, showShape } from "./shape.js";

export const MICROSOFT = "com.microsoft";

type None = Readonly<Record<never, never>>;

export interface MatmulAttrs {
	/** Transpose the last two axes of the first operand. */
	readonly transA: boolean;
	readonly transB: boolean;
	/** Factor of the product. */
	readonly alpha: number;
}

export interface ReduceAttrs {
	readonly axes: readonly number[];
	readonly keepDims: boolean;
}

export interface SliceAttrs {
	readonly axis: number;
	/** Of known numbers. */
	readonly start: number;
	readonly end: number;
}

export interface PadAttrs {
	readonly axis: number;
	readonly before: number;
	readonly after: number;
}

/** A node written as it stands, for ops that are never differentiated (inference's fused operators). */
export interface OnnxAttrs {
	readonly opType: string;
	readonly domain: string;
	readonly attributes: Readonly<Record<string, OnnxAttribute>>;
	readonly outputs: readonly ValueType[];
}

/** Attributes by op. */
export interface AttrsByOp {
	add: None;
	sub: None;
	mul: None;
	div: None;
	neg: None;
	exp: None;
	log: None;
	sqrt: None;
	erf: None;
	gelu: None;
	tanh: None;
	sigmoid: None;
	matmul: MatmulAttrs;
	linear: None;
	linearNf4: { readonly shape: readonly [number, number] };
	softmax: None;
	layerNorm: { readonly epsilon: number };
	rmsNorm: { readonly epsilon: number };
	reduceSum: ReduceAttrs;
	reduceMean: ReduceAttrs;
	transpose: { readonly perm: readonly number[] };
	reshape: { readonly to: readonly number[]; readonly rest: Dim | undefined };
	concat: { readonly axis: number };
	slice: SliceAttrs;
	pad: PadAttrs;
	gather: None;
	padRows: None;
	packRows: None;
	vocabularyCrossEntropy: { readonly chunk: number };
	dequantizeNf4: { readonly shape: readonly [number, number] };
	cast: { readonly to: DType };
	onnx: OnnxAttrs;
}

export type OpName = keyof AttrsByOp;
export type OpAttrs<K extends OpName> = AttrsByOp[K];

interface OpRow<K extends OpName> {
	/** Types of the outputs. @throws (assertion) where the inputs do not fit. */
	infer(inputs: readonly Value[], attrs: OpAttrs<K>): ValueType[];
	emit(node: Node<K>, e: Emitter): void;
}

const names = (values: readonly Value[]) => values.map((value) => value.name);

/** Writes a node as the one ONNX operator that does the same. */
function emitAs<K extends OpName>(opType: string, options: (attrs: OpAttrs<K>) => NodeOptions = () => ({})) {
	return (node: Node<K>, e: Emitter) => {
		e.node(opType, names(node.inputs), { ...options(node.attrs), outputs: names(node.outputs) });
	};
}

function unary<K extends OpName>(opType: string): OpRow<K> {
	return { infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }], emit: emitAs(opType) };
}

function binary<K extends OpName>(opType: string): OpRow<K> {
	return {
		infer: ([a, b]) => {
			assert(a!.dtype === b!.dtype, `${opType} of ${a!.dtype} and ${b!.dtype}`);
			return [{ dtype: a!.dtype, shape: broadcastShapes(a!.shape, b!.shape) }];
		},
		emit: emitAs(opType),
	};
}

function reduce<K extends "reduceSum" | "reduceMean">(opType: string): OpRow<K> {
	return {
		infer: ([x], { axes, keepDims }) => {
			const gone = new Set(axes.map((axis) => normalAxis(axis, x!.rank)));
			const shape = keepDims ? x!.shape.map((d, i) => (gone.has(i) ? 1 : d)) : x!.shape.filter((_, i) => !gone.has(i));
			return [{ dtype: x!.dtype, shape }];
		},
		emit: (node, e) => {
			const { axes, keepDims } = node.attrs;
			e.node(opType, [node.inputs[0]!.name, e.int64s(axes)], { attributes: { keepdims: keepDims ? 1 : 0 }, outputs: names(node.outputs) });
		},
	};
}

const lastTwo = (shape: Shape, swap: boolean): [Dim, Dim] => {
	const [a, b] = [shape.at(-2)!, shape.at(-1)!];
	return swap ? [b, a] : [a, b];
};

/**
 * Two axes are a Gemm. More are written with ONNX's own operators only, which every provider has: where there is a
 * FusedMatMul (CPU, CUDA), ONNX Runtime makes the three into one again.
 */
function emitMatmul(node: Node<"matmul">, e: Emitter): void {
	const [a, b] = node.inputs as [Value, Value];
	const { transA, transB, alpha } = node.attrs;
	const outputs = names(node.outputs);
	if (b.node?.op === "dequantizeNf4" && a.graph.frozenProducts === "float16" && !transA && alpha === 1)
		return void emitHalfProduct(e, a.name, b.name, transB, outputs[0]!);
	if (!transA && !transB && alpha === 1) return void e.node("MatMul", [a.name, b.name], { outputs });
	if (a.rank === 2 && b.rank === 2) {
		const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha: { float: alpha } };
		return void e.node("Gemm", [a.name, b.name], { attributes, outputs });
	}
	const operand = (x: Value, swap: boolean) => (swap ? e.node("Transpose", [x.name], { attributes: { perm: swapLast(x.rank) } }) : x.name);
	const operands = [operand(a, transA), operand(b, transB)];
	if (alpha === 1) return void e.node("MatMul", operands, { outputs });
	e.node("Mul", [e.node("MatMul", operands), e.float(alpha)], { outputs });
}

/** The axes in order, the last two exchanged. */
function swapLast(rank: number): number[] {
	return Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
}

const matmul: OpRow<"matmul"> = {
	infer: ([a, b], { transA, transB }) => {
		const [m, k] = lastTwo(a!.shape, transA);
		const [k2, n] = lastTwo(b!.shape, transB);
		assert(k === k2, `matmul of ${showShape(a!.shape)} and ${showShape(b!.shape)} (transA ${transA}, transB ${transB})`);
		return [{ dtype: a!.dtype, shape: [...broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2)), m, n] }];
	},
	emit: emitMatmul,
};

/** x·Wᵀ + b: x [T,K], W [N,K], b [N] or none → [T,N]. */
const linear: OpRow<"linear"> = {
	infer: ([x, w, b]) => {
		assert(x!.rank === 2 && w!.rank === 2 && x!.shape[1] === w!.shape[1], `linear of ${showShape(x!.shape)} and ${showShape(w!.shape)}`);
		assert(!b || b.shape[0] === w!.shape[0], "linear: the bias has another size than the weight's rows");
		return [{ dtype: x!.dtype, shape: [x!.shape[0]!, w!.shape[0]!] }];
	},
	emit: emitAs("Gemm", () => ({ attributes: { transB: 1 } })),
};

/** MatMulBnb4's number for NF4, and its block of elements that share a scale. */
const NF4 = { quant_type: 1, block_size: 64 };

/**
 * x·Wᵀ with W in NF4: x [T,K], codes [N·K/2] (two a byte), absmax [N·K/64] → [T,N]. The kernel unpacks W and forgets it.
 * Its transposed form computes something else, so the backward pass unpacks W by itself, from `planes` [N·K/2]: the same
 * codes in the order that is fastest to unpack with ONNX's own operators.
 */
const linearNf4: OpRow<"linearNf4"> = {
	infer: ([x, codes], { shape: [n, k] }) => {
		assert(x!.rank === 2 && x!.shape[1] === k, `linearNf4 of ${showShape(x!.shape)} and a weight of ${showShape([n, k])}`);
		assert(codes!.shape[0] === (n * k) / 2, `linearNf4: ${codes!.shape[0]} bytes of codes for a weight of ${showShape([n, k])}`);
		return [{ dtype: x!.dtype, shape: [x!.shape[0]!, n] }];
	},
	emit: (node, e) => {
		const [x, , absmax, planes] = names(node.inputs) as [string, string, string, string];
		const [n, k] = node.attrs.shape;
		if (node.inputs[0]!.graph.frozenProducts === "float16")
			return void emitHalfProduct(e, x, unpackNf4(e, planes, absmax, [n, k]), true, node.outputs[0]!.name);
		const attributes = { ...NF4, N: n, K: k };
		e.node("MatMulBnb4", names(node.inputs.slice(0, 3)), { domain: MICROSOFT, attributes, outputs: names(node.outputs) });
	},
};

/** Over the last axis: x, scale [D], bias [D] → y and, kept for the backward pass, (x − mean)/σ and 1/σ of each row. */
const layerNorm: OpRow<"layerNorm"> = {
	infer: ([x]) => {
		const whole = { dtype: x!.dtype, shape: x!.shape };
		return [whole, whole, { dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] }];
	},
	emit: emitLayerNorm,
};

/** Over the last axis: x, scale [D] → y and, kept for the backward pass, x/σ and 1/σ of each row, σ its root mean square. */
const rmsNorm: OpRow<"rmsNorm"> = {
	infer: ([x]) => {
		const whole = { dtype: x!.dtype, shape: x!.shape };
		return [whole, whole, { dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] }];
	},
	emit: emitRmsNorm,
};

/** A part of an axis; `pad` is its derivative, and it is pad's. */
const slice: OpRow<"slice"> = {
	infer: ([x], { axis, start, end }) => {
		const size = x!.shape[axis];
		assert(typeof size === "number" && 0 <= start && start < end && end <= size, `slice ${start} to ${end} of ${showShape(x!.shape)}`);
		return [{ dtype: x!.dtype, shape: x!.shape.with(axis, end - start) }];
	},
	emit: (node, e) => {
		const { axis, start, end } = node.attrs;
		e.node("Slice", [node.inputs[0]!.name, e.int64s([start]), e.int64s([end]), e.int64s([axis])], { outputs: names(node.outputs) });
	},
};

/** Zeros before and after, along an axis. */
const pad: OpRow<"pad"> = {
	infer: ([x], { axis, before, after }) => [{ dtype: x!.dtype, shape: x!.shape.with(axis, before + (x!.shape[axis] as number) + after) }],
	emit: (node, e) => {
		const { axis, before, after } = node.attrs;
		const inputs = [node.inputs[0]!.name, e.int64s([before, after]), e.float(0), e.int64s([axis])];
		e.node("Pad", inputs, { outputs: names(node.outputs) });
	},
};

/**
 * Packed rows [T,D] → padded [B,S,D]. padIndex [B,S] holds the row of each place, T for padding (zeros); packIndex [T]
 * holds the place b·S+s of each row. Each is the other's inverse, so the backward pass is a Gather too, never a scatter.
 */
const padRows: OpRow<"padRows"> = {
	infer: ([x, padIndex]) => [{ dtype: x!.dtype, shape: [...padIndex!.shape, x!.shape[1]!] }],
	emit: (node, e) => {
		const [x, padIndex] = node.inputs;
		const zeroRow = e.constant("float32", [1, x!.shape[1] as number], new Float32Array(x!.shape[1] as number));
		e.node("Gather", [e.node("Concat", [x!.name, zeroRow], { attributes: { axis: 0 } }), padIndex!.name], { outputs: names(node.outputs) });
	},
};

/** Padded [B,S,D] → packed rows [T,D]: padRows' inverse, with the same two indices. */
const packRows: OpRow<"packRows"> = {
	infer: ([x, , packIndex]) => [{ dtype: x!.dtype, shape: [packIndex!.shape[0]!, x!.shape[2]!] }],
	emit: (node, e) => {
		const [x, , packIndex] = node.inputs;
		const rows = e.node("Reshape", [x!.name, e.int64s([-1, x!.shape[2] as number])]);
		e.node("Gather", [rows, packIndex!.name], { outputs: names(node.outputs) });
	},
};

export const OPS: { readonly [K in OpName]: OpRow<K> } = {
	add: binary("Add"),
	sub: binary("Sub"),
	mul: binary("Mul"),
	div: binary("Div"),
	neg: unary("Neg"),
	exp: unary("Exp"),
	log: unary("Log"),
	sqrt: unary("Sqrt"),
	erf: unary("Erf"),
	/** x·Φ(x), the exact form. */
	gelu: { infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }], emit: emitAs("Gelu", () => ({ domain: MICROSOFT })) },
	tanh: unary("Tanh"),
	sigmoid: unary("Sigmoid"),
	matmul,
	linear,
	linearNf4,
	/** Over the last axis. */
	softmax: { infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }], emit: emitAs("Softmax", () => ({ attributes: { axis: -1 } })) },
	layerNorm,
	rmsNorm,
	reduceSum: reduce("ReduceSum"),
	reduceMean: reduce("ReduceMean"),
	transpose: {
		infer: ([x], { perm }) => [{ dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]!) }],
		emit: emitAs("Transpose", ({ perm }) => ({ attributes: { perm } })),
	},
	reshape: {
		infer: ([x], { to, rest }) => [{ dtype: x!.dtype, shape: reshapeShape(x!.shape, to, rest) }],
		emit: (node, e) => {
			e.node("Reshape", [node.inputs[0]!.name, e.int64s(node.attrs.to)], { outputs: names(node.outputs) });
		},
	},
	concat: {
		infer: (inputs, { axis }) => {
			const sizes = inputs.map((x) => x.shape[axis]!);
			const total = sizes.every((d) => typeof d === "number") ? sizes.reduce((a, b) => a + b, 0) : sizes.join("+");
			return [{ dtype: inputs[0]!.dtype, shape: inputs[0]!.shape.with(axis, total) }];
		},
		emit: emitAs("Concat", ({ axis }) => ({ attributes: { axis } })),
	},
	slice,
	pad,
	/** Rows of the first operand (axis 0) by index. */
	gather: { infer: ([x, index]) => [{ dtype: x!.dtype, shape: [...index!.shape, ...x!.shape.slice(1)] }], emit: emitAs("Gather") },
	padRows,
	packRows,
	/**
	 * Mean cross-entropy of softmax(h·Eᵀ + bias): h [N,D], E [V,D], labels [N], bias [V] or none → the loss and, kept for
	 * the backward pass, its gradient by h. E (float32 or float16) and bias are frozen.
	 */
	vocabularyCrossEntropy: {
		infer: ([h]) => [
			{ dtype: "float32", shape: [] },
			{ dtype: "float32", shape: h!.shape },
		],
		emit: emitVocabularyCrossEntropy,
	},
	/** planes [N·K/2] (byte i: element i in the high nibble, i + N·K/2 in the low one), absmax [N·K/64] → [N,K]. */
	dequantizeNf4: { infer: (_, { shape }) => [{ dtype: "float32", shape }], emit: emitDequantizeNf4 },
	cast: {
		infer: ([x], { to }) => [{ dtype: to, shape: x!.shape }],
		emit: (node, e) => {
			e.node("Cast", names(node.inputs), { attributes: { to: ONNX_TYPE[node.attrs.to] }, outputs: names(node.outputs) });
		},
	},
	onnx: {
		infer: (_, { outputs }) => [...outputs],
		emit: (node, e) => {
			const { opType, domain, attributes } = node.attrs;
			e.node(opType, names(node.inputs), { domain, attributes, outputs: names(node.outputs) });
		},
	},
};
