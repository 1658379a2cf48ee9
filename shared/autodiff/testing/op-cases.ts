/**
 * Every op at the shapes that models use, with and without broadcasting: one table for the test of the derivative rules
 * and for the conformance of providers. It is a mapped type over the ops, so an op without a case does not compile.
 */
import {
	add,
	cast,
	concat,
	dequantizeNf4,
	div,
	erf,
	exp,
	type Graph,
	gather,
	gelu,
	layerNorm,
	linear,
	linearNf4,
	log,
	matmul,
	mul,
	type Nf4Weight,
	neg,
	type OpName,
	onnx,
	packRows,
	pad,
	padRows,
	reduceMean,
	reduceSum,
	reshape,
	rmsNorm,
	type Shape,
	sigmoid,
	slice,
	softmax,
	sqrt,
	sub,
	tanh,
	transpose,
	type Value,
	vocabularyCrossEntropy,
} from "../../graph/index.js";

export interface OpCase {
	/** Shapes of the float32 operands; a letter's size stands in SIZES. */
	readonly shapes: readonly Shape[];
	readonly build: (...operands: Value[]) => Value;
	/** Keeps operands where the op is defined. */
	readonly positive?: boolean;
	/** The op is never differentiated. */
	readonly frozen?: boolean;
}

export const SIZES: Readonly<Record<string, number>> = { B: 2, S: 3, T: 4, "T*2": 8 };

/** Indices that cases are fed with, beside their operands: two texts of 3 and 1 tokens, packed and padded. */
export const INDICES: Readonly<Record<string, { readonly shape: Shape; readonly values: BigInt64Array }>> = {
	padIndex: { shape: ["B", "S"], values: BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 4n) },
	packIndex: { shape: ["T"], values: BigInt64Array.of(0n, 1n, 2n, 3n) },
	labels: { shape: ["T"], values: BigInt64Array.of(1n, 6n, 0n, 3n) },
};

const index = (x: Value, name: keyof typeof INDICES): Value =>
	x.graph.inputs.find((input) => input.name === name) ?? x.graph.input(name, "int64", INDICES[name]!.shape);

export const OP_CASES: { readonly [K in OpName]: readonly OpCase[] } = {
	add: [
		{ shapes: [["T", 5], [5]], build: add },
		{
			shapes: [
				["B", 1, 3],
				[1, 4, 3],
			],
			build: add,
		},
	],
	sub: [
		{
			shapes: [
				["T", 5],
				["T", 1],
			],
			build: sub,
		},
	],
	mul: [
		{ shapes: [["T", 5], [5]], build: mul },
		{ shapes: [["B", 3], []], build: mul },
	],
	div: [
		{
			shapes: [
				["T", 5],
				["T", 1],
			],
			build: div,
			positive: true,
		},
	],
	neg: [{ shapes: [["T", 3]], build: neg }],
	exp: [{ shapes: [["T", 3]], build: exp }],
	log: [{ shapes: [["T", 3]], build: log, positive: true }],
	sqrt: [{ shapes: [["T", 3]], build: sqrt, positive: true }],
	erf: [{ shapes: [["T", 3]], build: erf }],
	gelu: [{ shapes: [["T", 3]], build: gelu }],
	tanh: [{ shapes: [["T", 3]], build: tanh }],
	sigmoid: [{ shapes: [["T", 3]], build: sigmoid }],
	matmul: [false, true].flatMap((transA) =>
		[false, true].flatMap((transB): OpCase[] => [
			{ shapes: [transA ? [5, 3] : [3, 5], transB ? [4, 5] : [5, 4]], build: (a, b) => matmul(a, b, { transA, transB, alpha: 0.7 }) },
			{
				shapes: [
					["B", 2, ...(transA ? [5, 3] : [3, 5])],
					["B", 2, ...(transB ? [4, 5] : [5, 4])],
				],
				build: (a, b) => matmul(a, b, { transA, transB }),
			},
		]),
	),
	linear: [{ shapes: [["T", 3], [5, 3], [5]], build: linear }],
	linearNf4: [{ shapes: [["T", 64]], build: (x) => linearNf4(x, nf4Weight(x.graph)) }],
	softmax: [{ shapes: [["B", 2, 3]], build: softmax }],
	layerNorm: [{ shapes: [["T", 5], [5], [5]], build: (x, scale, bias) => layerNorm(x, scale, bias, 1e-5) }],
	rmsNorm: [
		{ shapes: [["T", 5], [5]], build: (x, scale) => rmsNorm(x, scale, 1e-5) },
		{ shapes: [["T", 2, 3], [3]], build: (x, scale) => rmsNorm(x, scale, 1e-5) },
	],
	reduceSum: [
		{ shapes: [["T", 5]], build: (x) => reduceSum(x, [-1]) },
		{ shapes: [["B", 3, 2]], build: (x) => reduceSum(x, [0, 2], true) },
	],
	reduceMean: [
		{ shapes: [["T", 5]], build: (x) => reduceMean(x, [0]) },
		{ shapes: [["T", 5]], build: (x) => reduceMean(x, [-1], true) },
	],
	transpose: [{ shapes: [["B", 3, 2, 5]], build: (x) => transpose(x, [0, 2, 1, 3]) }],
	reshape: [
		{ shapes: [["B", "S", 6]], build: (x) => reshape(x, [0, 0, 2, 3]) },
		{ shapes: [["T", 6]], build: (x) => reshape(x, [-1, 3]) },
	],
	padRows: [{ shapes: [["T", 3]], build: (x) => padRows(x, index(x, "padIndex"), index(x, "packIndex")) }],
	packRows: [{ shapes: [["B", "S", 3]], build: (x) => packRows(x, index(x, "padIndex"), index(x, "packIndex")) }],
	vocabularyCrossEntropy: [1, 3, 7, 100].map((chunk) => ({
		shapes: [["T", 3]],
		build: (h) => {
			const table = h.graph.constant("table", "float32", [7, 3], pseudo(21, 5));
			return vocabularyCrossEntropy(h, table, index(h, "labels"), h.graph.constant("bias", "float32", [7], pseudo(7, 6)), chunk);
		},
	})),
	concat: [
		{
			shapes: [
				["T", 3],
				["T", 2],
			],
			build: (a, b) => concat([a!, b!], 1),
			frozen: true,
		},
	],
	slice: [
		{ shapes: [["T", 6]], build: (x) => slice(x, 1, 2, 5) },
		{ shapes: [["B", 3, 2]], build: (x) => slice(x, 1, 0, 1) },
	],
	pad: [{ shapes: [["T", 3]], build: (x) => pad(x, 1, 2, 1) }],
	gather: [{ shapes: [[7, 3]], build: (table) => gather(table, index(table, "labels")), frozen: true }],
	dequantizeNf4: [{ shapes: [[]], build: (x) => mul(dequantizeNf4(nf4Weight(x.graph)), x), frozen: true }],
	cast: [{ shapes: [["T", 3]], build: (x) => cast(cast(mul(x, 100), "int32"), "float32"), frozen: true }],
	onnx: [
		{ shapes: [["T", 3]], build: (x) => onnx([x], { opType: "Reciprocal", domain: "", attributes: {}, outputs: [x] })[0]!, frozen: true },
	],
};

/** @shape [3,64] */
function nf4Weight(graph: Graph): Nf4Weight {
	const element = (i: number) => (7 * i + (i >> 3)) % 16;
	return {
		codes: graph.constant(
			"codes",
			"uint8",
			[96],
			Uint8Array.from({ length: 96 }, (_, i) => (element(2 * i) << 4) | element(2 * i + 1)),
		),
		planes: graph.constant(
			"planes",
			"uint8",
			[96],
			Uint8Array.from({ length: 96 }, (_, i) => (element(i) << 4) | element(i + 96)),
		),
		absmax: graph.constant("absmax", "float32", [3], Float32Array.of(0.7, 0.2, 0.4)),
		shape: [3, 64],
	};
}

/** Numbers between ±1 that look random. */
export function pseudo(n: number, seed: number): Float32Array {
	return Float32Array.from({ length: n }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 0.9);
}
