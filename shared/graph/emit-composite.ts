/** Ops that ONNX writes as several nodes. */
import type { GraphProto } from "../gen/onnx/onnx_pb.js";
import { type Emitter, valueInfo } from "./emit.js";
import type { Node } from "./graph.js";
import { nf4NibbleTable } from "./nf4-codebook.js";
import type { Dim } from "./shape.js";

const FLOAT = 1;
const INT32 = 6;

/**
 * dL/dh = (softmax·E − E[labels]) / N is attention with K = V = E. One online-softmax pass over chunks of the vocabulary
 * carries the row maximum m, the sum s of exponentials and acc = Σ exp·E, so no [N,V] value ever lives, and nothing is
 * computed twice.
 */
export function emitVocabularyCrossEntropy(node: Node<"vocabularyCrossEntropy">, e: Emitter): void {
	const [h, table, labels, bias] = node.inputs.map((value) => value.name) as [string, string, string, string | undefined];
	const vocabulary = node.inputs[1]!.shape[0] as number;
	const column = e.node("Slice", [h, e.int64s([0]), e.int64s([1]), e.int64s([1])]);
	const zero = e.node("Mul", [column, e.float(0)]);
	const lowest = e.node("Sub", [zero, e.float(1e30)]);
	const nothing = e.node("Mul", [h, e.float(0)]);
	const [n, d] = node.inputs[0]!.shape as [Dim, number];
	const half = node.inputs[1]!.dtype === "float16";
	const body = emitChunk(e, { h, table, bias, half, chunk: node.attrs.chunk, n, d });
	const trips = e.constant("int64", [], BigInt64Array.of(BigInt(Math.ceil(vocabulary / node.attrs.chunk))));
	const m = e.fresh("maximum");
	const s = e.fresh("sum");
	const acc = e.fresh("weighted");
	e.node("Loop", [trips, "", lowest, zero, nothing], { attributes: { body }, outputs: [m, s, acc] });

	const target = widened(e, e.node("Gather", [table, labels]), half);
	const dot = e.node("ReduceSum", [e.node("Mul", [h, target]), e.int64s([1])], { attributes: { keepdims: 1 } });
	const logit = bias ? e.node("Add", [dot, e.node("Unsqueeze", [e.node("Gather", [bias, labels]), e.int64s([1])])]) : dot;
	const logSum = e.node("Add", [m, e.node("Log", [s])]);
	e.node("ReduceMean", [e.node("Sub", [logSum, logit])], { attributes: { keepdims: 0 }, outputs: [node.outputs[0]!.name] });

	const rows = e.node("Cast", [e.node("Shape", [h], { attributes: { start: 0, end: 1 } })], { attributes: { to: FLOAT } });
	const difference = e.node("Sub", [e.node("Div", [acc, s]), target]);
	e.node("Div", [difference, rows], { outputs: [node.outputs[1]!.name] });
}

const widened = (e: Emitter, rows: string, half: boolean) => (half ? e.node("Cast", [rows], { attributes: { to: FLOAT } }) : rows);

interface ChunkContext {
	readonly h: string;
	readonly table: string;
	readonly bias: string | undefined;
	/** The table is in half precision. */
	readonly half: boolean;
	readonly chunk: number;
	readonly n: Dim;
	readonly d: number;
}

/** The Loop's body: folds one chunk of the vocabulary into (m, s, acc). */
function emitChunk(e: Emitter, { h, table, bias, half, chunk, n, d }: ChunkContext): GraphProto {
	const [i, going, m, s, acc] = ["chunk", "going", "m", "s", "acc"].map((hint) => e.fresh(hint)) as [
		string,
		string,
		string,
		string,
		string,
	];
	const inputs = [
		valueInfo(i, "int64", []),
		valueInfo(going, "bool", []),
		valueInfo(m, "float32", [n, 1]),
		valueInfo(s, "float32", [n, 1]),
		valueInfo(acc, "float32", [n, d]),
	];
	return e.subgraph("vocabulary_chunk", inputs, (b) => {
		const start = b.node("Mul", [b.node("Reshape", [i, b.int64s([1])]), b.int64s([chunk])]);
		const end = b.node("Add", [start, b.int64s([chunk])]);
		const rows = widened(b, b.node("Slice", [table, start, end, b.int64s([0])]), half);
		const product = b.node("Gemm", [h, rows, ...(bias ? [b.node("Slice", [bias, start, end])] : [])], { attributes: { transB: 1 } });
		const m1 = b.node("Max", [m, b.node("ReduceMax", [product, b.int64s([1])], { attributes: { keepdims: 1 } })]);
		const decay = b.node("Exp", [b.node("Sub", [m, m1])]);
		const p = b.node("Exp", [b.node("Sub", [product, m1])]);
		const s1 = b.node("Add", [b.node("Mul", [s, decay]), b.node("ReduceSum", [p, b.int64s([1])], { attributes: { keepdims: 1 } })]);
		const acc1 = b.node("Add", [b.node("Mul", [acc, decay]), b.node("MatMul", [p, rows])]);
		const on = b.node("Identity", [going]);
		return [
			valueInfo(on, "bool", []),
			valueInfo(m1, "float32", [n, 1]),
			valueInfo(s1, "float32", [n, 1]),
			valueInfo(acc1, "float32", [n, d]),
		];
	});
}

/**
 * Looks each byte up twice, once a nibble: GatherElements copies numbers where Gather copies rows of bytes, which takes half
 * the time; the two results lie end to end as the weight does. Then one scale a block of 64.
 */
export function unpackNf4(e: Emitter, planes: string, absmax: string, shape: readonly [number, number], output?: string): string {
	const table = e.shared("nf4_nibbles", "float32", [2, 256], nf4NibbleTable);
	const bytes = e.node("Cast", [e.node("Reshape", [planes, e.int64s([1, -1])])], { attributes: { to: INT32 } });
	const twice = e.node("Concat", [bytes, bytes], { attributes: { axis: 0 } });
	const values = e.node("GatherElements", [table, twice], { attributes: { axis: 1 } });
	const blocks = e.node("Reshape", [values, e.int64s([-1, 64])]);
	const scaled = e.node("Mul", [blocks, e.node("Reshape", [absmax, e.int64s([-1, 1])])]);
	return e.node("Reshape", [scaled, e.int64s(shape)], output === undefined ? {} : { outputs: [output] });
}

export function emitDequantizeNf4(node: Node<"dequantizeNf4">, e: Emitter): void {
	const [planes, absmax] = node.inputs.map((value) => value.name) as [string, string];
	unpackNf4(e, planes, absmax, node.attrs.shape, node.outputs[0]!.name);
}

/**
 * Written out rather than as LayerNormalization: that kernel adds up a row one number after the other, and takes three
 * times as long as these nine operators, whose sums are vectorised; (x − mean)/σ is at hand for the backward pass.
 */
export function emitLayerNorm(node: Node<"layerNorm">, e: Emitter): void {
	const [x, scale, bias] = node.inputs.map((value) => value.name) as [string, string, string];
	const [y, normal, inverse] = node.outputs.map((value) => value.name) as [string, string, string];
	const rowMean = (of: string) => e.node("ReduceMean", [of, e.int64s([-1])], { attributes: { keepdims: 1 } });
	const centred = e.node("Sub", [x, rowMean(x)]);
	const variance = rowMean(e.node("Mul", [centred, centred]));
	e.node("Reciprocal", [e.node("Sqrt", [e.node("Add", [variance, e.float(node.attrs.epsilon)])])], { outputs: [inverse] });
	e.node("Mul", [centred, inverse], { outputs: [normal] });
	e.node("Add", [e.node("Mul", [normal, scale]), bias], { outputs: [y] });
}

/** Written out as layer norm is. */
export function emitRmsNorm(node: Node<"rmsNorm">, e: Emitter): void {
	const [x, scale] = node.inputs.map((value) => value.name) as [string, string];
	const [y, normal, inverse] = node.outputs.map((value) => value.name) as [string, string, string];
	const square = e.node("ReduceMean", [e.node("Mul", [x, x]), e.int64s([-1])], { attributes: { keepdims: 1 } });
	e.node("Reciprocal", [e.node("Sqrt", [e.node("Add", [square, e.float(node.attrs.epsilon)])])], { outputs: [inverse] });
	e.node("Mul", [x, inverse], { outputs: [normal] });
	e.node("Mul", [normal, scale], { outputs: [y] });
}
