/** What each ONNX operator puts out, by its inputs. One row an operator; one that has none falls back to its largest input. */
import { type NodeProto, TensorProto_DataType as Onnx } from "../../gen/onnx/onnx_pb.js";
import { Attributes } from "./model.js";
import { elementsOf, fixed, type Size, type TensorSpec, UNNAMED } from "./spec.js";

interface Context {
	readonly node: NodeProto;
	readonly inputs: readonly TensorSpec[];
	readonly attributes: Attributes;
}
type Rule = (context: Context) => readonly TensorSpec[];

const like = (spec: TensorSpec, dims: readonly Size[], dtype = spec.dtype): TensorSpec => ({ dtype, dims });
const at = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function broadcast(a: readonly Size[], b: readonly Size[]): Size[] {
	const rank = Math.max(a.length, b.length);
	return Array.from({ length: rank }, (_, i) => {
		const [x, y] = [a[i - rank + a.length] ?? fixed(1), b[i - rank + b.length] ?? fixed(1)];
		return x.size === 1 && x.name === undefined ? y : x;
	});
}

const same: Rule = ({ inputs: [x] }) => [like(x!, x!.dims)];
const elementwise: Rule = ({ inputs: [x, ...rest] }) => [
	like(
		x!,
		rest.reduce((dims: readonly Size[], next) => broadcast(dims, next.dims), x!.dims),
	),
];

/** Remembers a sum with a single constant. */
const sum: Rule = (context) => {
	const [out] = elementwise(context);
	const { node, inputs } = context;
	const constant = inputs.findIndex(({ values }) => values?.length === 1);
	return [constant < 0 ? out! : { ...out!, beyond: { from: node.input[1 - constant]!, by: inputs[constant]!.values![0]! } }];
};

const product =
	(dtype?: number): Rule =>
	({ inputs: [a, b], attributes }) => {
		const last = (spec: TensorSpec, name: string) => (attributes.int(name, 0) === 0 ? spec.dims.slice(-2) : spec.dims.slice(-2).reverse());
		const [m] = last(a!, "transA");
		const [, n] = last(b!, "transB");
		return [like(a!, [...broadcast(a!.dims.slice(0, -2), b!.dims.slice(0, -2)), m!, n!], dtype)];
	};

const reduce: Rule = ({ inputs: [x, axes], attributes }) => {
	const rank = x!.dims.length;
	const gone = new Set((axes?.values ?? attributes.ints("axes") ?? x!.dims.map((_, i) => i)).map((axis) => at(axis, rank)));
	const keep = attributes.int("keepdims", 1) === 1;
	return [like(x!, keep ? x!.dims.map((d, i) => (gone.has(i) ? fixed(1) : d)) : x!.dims.filter((_, i) => !gone.has(i)))];
};

const reshape: Rule = ({ inputs: [x, shape] }) => {
	const to = shape?.values ?? [-1];
	const rest = to.includes(-1);
	const kept = to.map((d, i): Size => (d === 0 ? x!.dims[i]! : fixed(d)));
	const others = kept.reduce((n, { size }, i) => (to[i] === -1 ? n : n * size), 1);
	const size = Math.round(elementsOf(x!) / Math.max(1, others));
	const known = x!.dims.every(({ name }) => name === undefined);
	return [like(x!, rest ? kept.map((d, i) => (to[i] === -1 ? { size, name: known ? undefined : UNNAMED } : d)) : kept)];
};

const concat: Rule = ({ inputs, attributes }) => {
	const axis = at(attributes.int("axis", 0), inputs[0]!.dims.length);
	const parts = inputs.map((x) => x.dims[axis]!);
	const size = parts.reduce((n, d) => n + d.size, 0);
	const name = parts.every((d) => d.name === undefined) ? undefined : UNNAMED;
	return [like(inputs[0]!, inputs[0]!.dims.with(axis, { size, name }))];
};

const gather: Rule = ({ inputs: [x, index], attributes }) => {
	const axis = at(attributes.int("axis", 0), x!.dims.length);
	return [like(x!, [...x!.dims.slice(0, axis), ...index!.dims, ...x!.dims.slice(axis + 1)])];
};

/** Bounds that the graph computes (a chunk of a table in a loop) tell their length where the end is the start plus a constant. */
const slice: Rule = ({ node, inputs: [x, starts, ends, axes] }) => {
	const dims = [...x!.dims];
	const along = axes?.values ?? dims.map((_, i) => i);
	along.forEach((axis, i) => {
		const place = at(axis, dims.length);
		const whole = dims[place]!.size;
		const [from, to] = [starts?.values?.[i], ends?.values?.[i]];
		const chunk = ends?.beyond?.from === node.input[1] ? ends?.beyond?.by : undefined;
		if (from === undefined || to === undefined) dims[place] = { size: Math.min(whole, chunk ?? whole), name: UNNAMED };
		else dims[place] = fixed(Math.max(0, Math.min(whole, to < 0 ? to + whole : to) - (from < 0 ? from + whole : from)));
	});
	return [like(x!, dims)];
};

/** Pads by constants. */
const pad: Rule = ({ inputs: [x, pads, , axes] }) => {
	const along = axes?.values ?? x!.dims.map((_, i) => i);
	const dims = [...x!.dims];
	along.forEach((axis, i) => {
		const place = at(axis, dims.length);
		dims[place] = fixed(dims[place]!.size + (pads?.values?.[i] ?? 0) + (pads?.values?.[i + along.length] ?? 0));
	});
	return [like(x!, dims)];
};

const split: Rule = ({ inputs: [x, sizes], attributes }) => {
	const axis = at(attributes.int("axis", 0), x!.dims.length);
	return (sizes?.values ?? []).map((size) => like(x!, x!.dims.with(axis, fixed(size))));
};

const layerNorm: Rule = ({ inputs: [x] }) => {
	const row = like(x!, [...x!.dims.slice(0, -1), fixed(1)]);
	return [like(x!, x!.dims), row, row];
};

const unsqueeze: Rule = ({ inputs: [x, axes] }) => {
	const dims = [...x!.dims];
	for (const axis of (axes?.values ?? [0]).toSorted((a, b) => a - b)) dims.splice(at(axis, dims.length + 1), 0, fixed(1));
	return [like(x!, dims)];
};

const squeeze: Rule = ({ inputs: [x, axes] }) => {
	const gone = new Set(axes?.values?.map((axis) => at(axis, x!.dims.length)));
	return [
		like(
			x!,
			x!.dims.filter((d, i) => (axes?.values ? !gone.has(i) : d.size !== 1)),
		),
	];
};

const quantize: Rule = ({ inputs: [x] }) => [like(x!, x!.dims, Onnx.UINT8), like(x!, []), like(x!, [], Onnx.UINT8)];

export const RULES: Readonly<Record<string, Rule>> = {
	Add: sum,
	...Object.fromEntries(["Sub", "Mul", "Div", "Max", "Min", "Pow"].map((name) => [name, elementwise])),
	Where: ({ inputs: [condition, x, y] }) => [like(x!, broadcast(broadcast(condition!.dims, x!.dims), y!.dims))],
	MatMul: product(),
	FusedMatMul: product(),
	Gemm: product(),
	MatMulInteger: product(Onnx.INT32),
	DynamicQuantizeMatMul: product(),
	MatMulIntegerToFloat: product(Onnx.FLOAT),
	MatMulBnb4: ({ inputs: [x], attributes }) => [like(x!, [...x!.dims.slice(0, -1), fixed(attributes.int("N", 1))])],
	MatMulNBits: ({ inputs: [x], attributes }) => [like(x!, [...x!.dims.slice(0, -1), fixed(attributes.int("N", 1))])],
	GatherElements: ({ inputs: [x, index] }) => [like(x!, index!.dims)],
	DynamicQuantizeLinear: quantize,
	DequantizeLinear: ({ inputs: [x] }) => [like(x!, x!.dims, Onnx.FLOAT)],
	LayerNormalization: layerNorm,
	...Object.fromEntries(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"].map((name) => [name, reduce])),
	Transpose: ({ inputs: [x], attributes }) => [
		like(
			x!,
			(attributes.ints("perm") ?? []).map((axis) => x!.dims[axis]!),
		),
	],
	Reshape: reshape,
	Concat: concat,
	Gather: gather,
	Slice: slice,
	Pad: pad,
	Split: split,
	Unsqueeze: unsqueeze,
	Squeeze: squeeze,
	Cast: ({ inputs: [x], attributes }) => [like(x!, x!.dims, attributes.int("to", x!.dtype))],
	Shape: ({ inputs: [x], attributes }) => {
		const rank = x!.dims.length;
		const [start, end] = [at(attributes.int("start", 0), rank), at(attributes.int("end", rank), rank)];
		return [{ dtype: Onnx.INT64, dims: [fixed(Math.max(0, end - start))] }];
	},
};
/** Operators that put out what their first input is. */
const SAME = [
	"Neg",
	"Exp",
	"Log",
	"Sqrt",
	"Erf",
	"Tanh",
	"Softmax",
	"Identity",
	"Abs",
	"Reciprocal",
	"Sigmoid",
	"Sin",
	"Cos",
	"CumSum",
	"Relu",
	"Gelu",
	"FastGelu",
	"QuickGelu",
];

/** @returns one entry an output, or nothing for an operator that has no rule */
export function inferOutputs(node: NodeProto, inputs: readonly TensorSpec[]): readonly TensorSpec[] | undefined {
	const rule = SAME.includes(node.opType) ? same : RULES[node.opType];
	return rule?.({ node, inputs, attributes: new Attributes(node) });
}
