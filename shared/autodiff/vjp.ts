/**
 * The derivative rules: one for every op, as a vector-Jacobian product that emits nodes into the same graph. Given the
 * op's inputs, its output y and the loss's gradient dy by y, a rule returns the loss's gradient by each input (undefined
 * for one that is never differentiated). The table is a mapped type over the ops, so a missing rule does not compile.
 */
import { assert } from "../errors/index.js";
import {
	add,
	dequantizeNf4,
	div,
	erf,
	exp,
	matmul,
	mul,
	type Node,
	neg,
	normalAxis,
	type OpName,
	packRows,
	pad,
	padRows,
	reduceSum,
	reshape,
	type Shape,
	showShape,
	slice,
	sub,
	transpose,
	type Value,
} from "../graph/index.js";

export interface VjpContext<K extends OpName> {
	readonly node: Node<K>;
	readonly inputs: readonly Value[];
	/** The op's first output. */
	readonly y: Value;
	/** Which inputs' gradients are wanted: the others may be left undefined. */
	readonly wanted: readonly boolean[];
}

export type VjpRule<K extends OpName> = (dy: Value, context: VjpContext<K>) => readonly (Value | undefined)[];

/** Sums a gradient over the axes along which its operand was broadcast. */
function unbroadcast(gradient: Value, shape: Shape): Value {
	const extra = gradient.rank - shape.length;
	const stretched = shape.flatMap((dim, i) => (dim === 1 && gradient.shape[i + extra] !== 1 ? [i + extra] : []));
	const kept = stretched.length > 0 ? reduceSum(gradient, stretched, true) : gradient;
	return extra > 0
		? reduceSum(
				kept,
				Array.from({ length: extra }, (_, i) => i),
			)
		: kept;
}

/** Puts size-1 axes back where a reduction without keepDims took them out. */
function restoreAxes(gradient: Value, from: Shape, axes: readonly number[]): Value {
	const gone = new Set(axes.map((axis) => normalAxis(axis, from.length)));
	// Where letters remain, all but one keep their place: reductions in our models leave at most one unknown size.
	const unknown = from.filter((dim, i) => !gone.has(i) && typeof dim === "string");
	assert(unknown.length <= 1, `a reduction of ${showShape(from)} that leaves several unknown sizes needs keepDims`);
	return reshape(
		gradient,
		from.map((dim, i) => (gone.has(i) ? 1 : typeof dim === "number" ? dim : -1)),
		unknown[0],
	);
}

/** Spreads a reduction's gradient over what was reduced, by broadcasting against zeros of its shape. */
function spread(dy: Value, { node, inputs }: VjpContext<"reduceSum" | "reduceMean">): Value {
	const x = inputs[0]!;
	const kept = node.attrs.keepDims ? dy : restoreAxes(dy, x.shape, node.attrs.axes);
	return add(kept, mul(x, 0));
}

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/** y = α·op(A)·op(B): dA = α·dy·op(B)ᵀ and dB = α·op(A)ᵀ·dy, the factors swapped where an operand was transposed. */
const matmulRule: VjpRule<"matmul"> = (dy, { node, inputs, wanted }) => {
	const [a, b] = inputs as [Value, Value];
	const { transA, transB, alpha } = node.attrs;
	const dA = () => (transA ? matmul(b, dy, { transA: transB, transB: true, alpha }) : matmul(dy, b, { transB: !transB, alpha }));
	const dB = () => (transB ? matmul(dy, a, { transA: true, transB: transA, alpha }) : matmul(a, dy, { transA: !transA, alpha }));
	return [wanted[0] ? unbroadcast(dA(), a.shape) : undefined, wanted[1] ? unbroadcast(dB(), b.shape) : undefined];
};

/** y = x·Wᵀ + b: dx = dy·W, dW = dyᵀ·x, db = Σ dy. */
const linearRule: VjpRule<"linear"> = (dy, { inputs, wanted }) => {
	const [x, w] = inputs as [Value, Value];
	return [
		wanted[0] ? matmul(dy, w) : undefined,
		wanted[1] ? matmul(dy, x, { transA: true }) : undefined,
		wanted[2] ? reduceSum(dy, [0]) : undefined,
	];
};

/** y = x·Wᵀ, W frozen and packed: dx = dy·W, which unpacks W anew rather than keep it from the forward pass. */
const linearNf4Rule: VjpRule<"linearNf4"> = (dy, { node, inputs }) => {
	const [, , absmax, planes] = inputs as [Value, Value, Value, Value];
	return [matmul(dy, dequantizeNf4({ planes, absmax, shape: node.attrs.shape }))];
};

/**
 * y = x·Φ(x): dx = dy·(Φ(x) + x·φ(x)) = dy/2·(1 + erf u + u·2/√π·e^(−u²)) with u = x/√2. Only x is kept from the forward
 * pass: erf is computed twice, and a third of the memory is held. The constant goes into the exponent, which saves a pass.
 */
const geluRule: VjpRule<"gelu"> = (dy, { inputs }) => {
	const u = mul(inputs[0]!, Math.SQRT1_2);
	const density = mul(u, exp(sub(Math.log(TWO_OVER_SQRT_PI), mul(u, u))));
	return [mul(mul(dy, add(add(erf(u), 1), density)), 0.5)];
};

/** x̂ = (x−μ)/σ, y = γ·x̂ + β: dx = (g − mean g − x̂·mean(g·x̂))/σ with g = γ·dy; a row's mean of g is dy·γ/D, a product. */
const layerNormRule: VjpRule<"layerNorm"> = (dy, { node, inputs, wanted }) => {
	const [x, scale] = inputs as [Value, Value];
	const [, normal, inverse] = node.outputs as [Value, Value, Value];
	const rows = Array.from({ length: x.rank - 1 }, (_, i) => i);
	const size = scale.shape[0] as number;
	const along = mul(dy, normal);
	const dx = () => {
		const column = reshape(scale, [size, 1]);
		const rowMean = (of: Value) => matmul(of, column, { alpha: 1 / size });
		const centred = sub(mul(dy, scale), rowMean(dy));
		return mul(sub(centred, mul(normal, rowMean(along))), inverse);
	};
	return [wanted[0] ? dx() : undefined, wanted[1] ? reduceSum(along, rows) : undefined, wanted[2] ? reduceSum(dy, rows) : undefined];
};

/** x̂ = x/σ, y = γ·x̂: dx = (g − x̂·mean(g·x̂))/σ with g = γ·dy. */
const rmsNormRule: VjpRule<"rmsNorm"> = (dy, { node, inputs, wanted }) => {
	const [x, scale] = inputs as [Value, Value];
	const [, normal, inverse] = node.outputs as [Value, Value, Value];
	const rows = Array.from({ length: x.rank - 1 }, (_, i) => i);
	const size = scale.shape[0] as number;
	const along = mul(dy, normal);
	const dx = () => {
		const rowMean = matmul(along, reshape(scale, [size, 1]), { alpha: 1 / size });
		return mul(sub(mul(dy, scale), mul(normal, rowMean)), inverse);
	};
	return [wanted[0] ? dx() : undefined, wanted[1] ? reduceSum(along, rows) : undefined];
};

/** Never asked for: what flows into these ops is frozen. */
const frozen = (op: string) => (): never => {
	throw new Error(`assertion failed: ${op} is not differentiated`);
};

export const VJP_RULES: { readonly [K in OpName]: VjpRule<K> } = {
	// d(a+b) = da + db
	add: (dy, { inputs: [a, b] }) => [unbroadcast(dy, a!.shape), unbroadcast(dy, b!.shape)],
	sub: (dy, { inputs: [a, b], wanted }) => [unbroadcast(dy, a!.shape), wanted[1] ? unbroadcast(neg(dy), b!.shape) : undefined],
	// d(a·b) = b·da + a·db
	mul: (dy, { inputs: [a, b], wanted }) => [
		wanted[0] ? unbroadcast(mul(dy, b!), a!.shape) : undefined,
		wanted[1] ? unbroadcast(mul(dy, a!), b!.shape) : undefined,
	],
	// d(a/b) = da/b − (a/b)·db/b
	div: (dy, { inputs: [a, b], y, wanted }) => [
		wanted[0] ? unbroadcast(div(dy, b!), a!.shape) : undefined,
		wanted[1] ? unbroadcast(neg(mul(dy, div(y, b!))), b!.shape) : undefined,
	],
	neg: (dy) => [neg(dy)],
	// d(eˣ) = eˣ dx
	exp: (dy, { y }) => [mul(dy, y)],
	log: (dy, { inputs: [x] }) => [div(dy, x!)],
	// d(√x) = dx / 2√x
	sqrt: (dy, { y }) => [div(dy, mul(y, 2))],
	// d(erf x) = 2/√π · e^(−x²) dx
	erf: (dy, { inputs: [x] }) => [mul(dy, mul(exp(neg(mul(x!, x!))), TWO_OVER_SQRT_PI))],
	gelu: geluRule,
	// d(tanh x) = (1 − tanh² x) dx
	tanh: (dy, { y }) => [sub(dy, mul(dy, mul(y, y)))],
	// d(σ(x)) = σ·(1 − σ) dx
	sigmoid: (dy, { y }) => [mul(dy, sub(y, mul(y, y)))],
	matmul: matmulRule,
	linear: linearRule,
	linearNf4: linearNf4Rule,
	// dx = y·(dy − Σ dy·y)
	softmax: (dy, { y }) => {
		const weighted = mul(dy, y);
		return [sub(weighted, mul(y, reduceSum(weighted, [-1], true)))];
	},
	layerNorm: layerNormRule,
	rmsNorm: rmsNormRule,
	reduceSum: (dy, context) => [spread(dy, context)],
	// The number of reduced elements may be unknown here: a mean of ones over it is 1, so their count is Σ1.
	reduceMean: (dy, context) => {
		const ones = add(mul(context.inputs[0]!, 0), 1);
		const count = reduceSum(ones, context.node.attrs.axes, context.node.attrs.keepDims);
		return [spread(div(dy, count), context)];
	},
	transpose: (dy, { node }) => {
		const { perm } = node.attrs;
		return [
			transpose(
				dy,
				perm.map((_, i) => perm.indexOf(i)),
			),
		];
	},
	reshape: (dy, { inputs: [x] }) => [reshapeLike(dy, x!)],
	concat: frozen("concat"),
	slice: (dy, { node, inputs: [x] }) => {
		const { axis, start, end } = node.attrs;
		return [pad(dy, axis, start, (x!.shape[axis] as number) - end)];
	},
	pad: (dy, { node, inputs: [x] }) => {
		const { axis, before } = node.attrs;
		return [slice(dy, axis, before, before + (x!.shape[axis] as number))];
	},
	gather: frozen("gather"),
	padRows: (dy, { inputs: [, padIndex, packIndex] }) => [packRows(dy, padIndex!, packIndex!), undefined, undefined],
	packRows: (dy, { inputs: [, padIndex, packIndex] }) => [padRows(dy, padIndex!, packIndex!), undefined, undefined],
	// The forward pass has computed it already.
	vocabularyCrossEntropy: (dy, { node }) => [mul(dy, node.outputs[1]!)],
	dequantizeNf4: frozen("dequantizeNf4"),
	cast: frozen("cast"),
	onnx: frozen("onnx"),
};

/** Reshapes back to x's shape: known sizes as they are, one unknown by -1, more of them only where they keep their place. */
function reshapeLike(dy: Value, x: Value): Value {
	const unknown = x.shape.filter((dim) => typeof dim === "string");
	if (unknown.length <= 1)
		return reshape(
			dy,
			x.shape.map((dim) => (typeof dim === "number" ? dim : -1)),
			unknown[0],
		);
	let inferred = false;
	const to = x.shape.map((dim, i) => {
		if (typeof dim === "number") return dim;
		if (dy.shape[i] === dim) return 0;
		assert(!inferred, `reshape of ${showShape(dy.shape)} back to ${showShape(x.shape)}: several unknown sizes move`);
		inferred = true;
		return -1;
	});
	return reshape(dy, to, x.shape[to.indexOf(-1)]);
}
