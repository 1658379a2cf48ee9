import { describe, expect, test } from "vitest";
import {
	add,
	div,
	erf,
	exp,
	Graph,
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
	packRows,
	padRows,
	reduceMean,
	reduceSum,
	reshape,
	type Shape,
	serializeGraph,
	softmax,
	sqrt,
	sub,
	tanh,
	transpose,
	type Value,
	vocabularyCrossEntropy,
} from "../graph/index.js";
import { chooseDevice, float32, int64, Session, type Tensor } from "../runtime/index.js";
import { gradients } from "./index.js";
import { VJP_RULES } from "./vjp.js";

interface Case {
	/** Shapes of the differentiated operands; a letter's size stands in SIZES. */
	readonly shapes: readonly Shape[];
	readonly build: (...operands: Value[]) => Value;
	/** Keeps operands where the op is defined. */
	readonly positive?: boolean;
}

const SIZES: Readonly<Record<string, number>> = { B: 2, S: 3, T: 4, "T*2": 8 };
const sizes = (shape: Shape) => shape.map((d) => (typeof d === "number" ? d : SIZES[d]!));
const count = (shape: Shape) => sizes(shape).reduce((n, d) => n * d, 1);

/** Two texts of 3 and 1 tokens, packed and padded. */
const PAD_INDEX = int64(BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 4n), [2, 3]);
const PACK_INDEX = int64(BigInt64Array.of(0n, 1n, 2n, 3n), [4]);
const LABELS = int64(BigInt64Array.of(1n, 6n, 0n, 3n), [4]);
const index = (x: Value, name: string, shape: Shape) =>
	x.graph.inputs.find((input) => input.name === name) ?? x.graph.input(name, "int64", shape);
const padIndex = (x: Value) => index(x, "padIndex", ["B", "S"]);
const packIndex = (x: Value) => index(x, "packIndex", ["T"]);

/** Every op that is differentiated, at the shapes that models use, with and without broadcasting. */
const CASES: Partial<Record<OpName, readonly Case[]>> = {
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
	matmul: [false, true].flatMap((transA) =>
		[false, true].flatMap((transB): Case[] => [
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
	padRows: [{ shapes: [["T", 3]], build: (x) => padRows(x, padIndex(x), packIndex(x)) }],
	packRows: [{ shapes: [["B", "S", 3]], build: (x) => packRows(x, padIndex(x), packIndex(x)) }],
	vocabularyCrossEntropy: [1, 3, 7, 100].map((chunk) => ({
		shapes: [["T", 3]],
		build: (h) => {
			const table = h.graph.constant("table", "float32", [7, 3], pseudo(21, 5));
			return vocabularyCrossEntropy(h, table, index(h, "labels", ["T"]), h.graph.constant("bias", "float32", [7], pseudo(7, 6)), chunk);
		},
	})),
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
function pseudo(n: number, seed: number): Float32Array {
	return Float32Array.from({ length: n }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 0.9);
}

/** The scalar Σ w·y with fixed weights w, so that every element of y has a gradient of its own. */
function scalarOf(y: Value): Value {
	if (y.rank === 0) return y;
	const w = y.graph.input("weights", "float32", y.shape);
	return reduceSum(
		mul(y, w),
		y.shape.map((_, i) => i),
	);
}

async function check({ shapes, build, positive }: Case): Promise<void> {
	const graph = new Graph("case");
	const operands = shapes.map((shape, i) => graph.input(`x${i}`, "float32", shape));
	const loss = scalarOf(build(...operands));
	graph.output("loss", loss);
	gradients(loss, operands).forEach((gradient, i) => {
		graph.output(`g${i}`, gradient);
	});
	const session = await Session.create(serializeGraph(graph), { device: chooseDevice("cpu"), threads: 1, memory: "lean" });
	const data = shapes.map((shape, i) => pseudo(count(shape), i).map((v) => (positive ? 1.5 + v : v)));
	const weights = graph.inputs.find(({ name }) => name === "weights")?.shape ?? [];
	const extra: Record<string, Tensor> = {
		padIndex: PAD_INDEX,
		packIndex: PACK_INDEX,
		labels: LABELS,
		weights: float32(pseudo(count(weights), 3), sizes(weights)),
	};
	const feeds = () => ({
		...Object.fromEntries(shapes.map((shape, i) => [`x${i}`, float32(data[i]!, sizes(shape))])),
		...Object.fromEntries(graph.inputs.filter(({ name }) => name in extra).map(({ name }) => [name, extra[name]!])),
	});
	const results = await session.run(feeds());
	const lossAt = async () => Number((await session.run(feeds(), ["loss"])).loss!.data[0]);
	const step = 1e-2;
	for (const [i, values] of data.entries()) {
		const found = results[`g${i}`]!;
		expect(found.dims).toEqual(sizes(shapes[i]!));
		for (let j = 0; j < values.length; j++) {
			const at = values[j]!;
			values[j] = at + step;
			const above = await lossAt();
			values[j] = at - step;
			const below = await lossAt();
			values[j] = at;
			expect(found.data[j], `d loss / d x${i}[${j}]`).toBeCloseTo((above - below) / (2 * step), 2);
		}
	}
	await session.dispose();
}

const NEVER: readonly OpName[] = ["concat", "gather", "dequantizeNf4", "cast", "onnx"];

describe("every derivative rule equals finite differences", () => {
	for (const [op, cases] of Object.entries(CASES)) {
		cases.forEach((one, i) => {
			test(`${op}, case ${i + 1}`, () => check(one));
		});
	}
	test("no op is left out", () => {
		expect(Object.keys(VJP_RULES).sort()).toEqual([...Object.keys(CASES), ...NEVER].sort());
	});
});

test("a parameter that is used twice gets the sum of both gradients", () =>
	check({ shapes: [["T", 3]], build: (x) => mul(add(x, mul(x, x)), exp(x)) }));

test("the gradient of a value that the loss does not depend on is refused", () => {
	const graph = new Graph("apart");
	const [a, b] = [graph.input("a", "float32", [2]), graph.input("b", "float32", [2])];
	expect(() => gradients(reduceSum(a, [0]), [b])).toThrow("does not depend on b");
});

test("a frozen op refuses to be differentiated", () => {
	const graph = new Graph("frozen");
	const x = graph.input("x", "float32", [2, 3]);
	const y = graph.apply("concat", [x, x], { axis: 0 })[0]!;
	expect(() => gradients(reduceSum(y, [0, 1]), [x])).toThrow("concat is not differentiated");
});
