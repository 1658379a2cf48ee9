/**
 * Products of 8-bit integers. Each row of x has a scale of its own, by its own largest number, and all rows the same zero: a
 * scale of the whole batch, as onnxruntime's dynamic quantisation has it, would tie a text's vector to its batch mates.
 * int8 rounds x once. precise multiplies what that rounding left over, too, in a second product: 16 bits of x, the same
 * weights.
 */
import { add, type DType, type Graph, MICROSOFT, mul, onnx, type Shape, sub, type Value } from "../../graph/index.js";
import type { ComputeMode } from "./compute.js";
import { codesInput, scaleInput } from "./pack-linear.js";
import { productsSaturate } from "./saturation.js";
import type { ServedLayer } from "./served-layers.js";
import type { BaseInputs } from "./weights.js";

/** What is known of the numbers of x. gelu: none is below −0.17, so that most codes can go to those above zero. */
export type Range = "any" | "gelu";

/** How x is rounded: which code stands for zero, and how many there are above it. */
interface Codes {
	readonly zero: number;
	readonly above: number;
}

const FULL: Codes = { zero: 128, above: 127 };
/** Codes below 128: products of two with any 8-bit weights fit into 16 bits. */
const NARROW: Codes = { zero: 64, above: 63 };
const GELU: Codes = { zero: 16, above: 239 };
/** GELU's least value is −0.16997. */
const GELU_DEPTH = 0.17;
/** Scale of a row of zeros; any would do. */
const LEAST_SCALE = 1e-12;

export class EightBitProducts {
	readonly #zeros = new Map<Codes, { readonly one: Value; readonly all: Value }>();

	constructor(
		private readonly graph: Graph,
		private readonly weights: BaseInputs,
		private readonly compute: Exclude<ComputeMode, "fp32">,
	) {}

	/** x·Wᵀ, with its bias where it has one. @shape x [T,K] → [T,N] */
	linear(layer: ServedLayer, x: Value, range: Range): Value {
		const scaled = this.compute === "int8" ? this.#once(layer, x, range) : this.#twice(layer, x);
		return layer.bias ? add(scaled, this.weights.tensor(`${layer.path}.bias`, [layer.outFeatures])) : scaled;
	}

	#once(layer: ServedLayer, x: Value, range: Range): Value {
		const codes = range === "gelu" ? GELU : FULL;
		const scale = this.#rowScale(x, codes);
		return mul(this.#product(layer, this.#quantize(x, scale, codes), codes, 1), this.#column(scale));
	}

	#twice(layer: ServedLayer, x: Value): Value {
		const codes = productsSaturate() ? NARROW : FULL;
		const scale = this.#rowScale(x, codes);
		const first = this.#quantize(x, scale, codes);
		const rounded = this.#node([first, scale, this.#zero(codes, x).all], "DequantizeLinear", { axis: 0 }, "float32", x.shape);
		// What is left over is half a step at most.
		const finer = 1 / (2 * codes.above);
		const second = this.#quantize(sub(x, rounded), mul(scale, finer), codes);
		const products = add(this.#product(layer, first, codes, 1), this.#product(layer, second, codes, finer));
		return mul(products, this.#column(scale));
	}

	/** @shape x [T,K] → [T] */
	#rowScale(x: Value, codes: Codes): Value {
		const magnitude = codes === GELU ? x : this.#node([x], "Abs", {}, "float32", x.shape);
		const last = this.graph.constant("last", "int64", [1], BigInt64Array.of(-1n));
		const most = this.#node([magnitude, last], "ReduceMax", { keepdims: 0 }, "float32", [x.shape[0]!]);
		const least = this.graph.scalar(codes === GELU ? GELU_DEPTH / GELU.zero : LEAST_SCALE);
		return this.#node([mul(most, 1 / codes.above), least], "Max", {}, "float32", most.shape);
	}

	#quantize(x: Value, scale: Value, codes: Codes): Value {
		return this.#node([x, scale, this.#zero(codes, x).all], "QuantizeLinear", { axis: 0 }, "uint8", x.shape);
	}

	/** factor · (codes − zero)·Wᵀ, still without the rows' scales. @shape uint8 [T,K] → [T,N] */
	#product({ path, inFeatures, outFeatures }: ServedLayer, x: Value, codes: Codes, factor: number): Value {
		const weight = this.weights.tensor(codesInput(path), [inFeatures, outFeatures], "int8");
		const scale = this.weights.tensor(scaleInput(path), [outFeatures]);
		const inputs = [x, weight, this.graph.scalar(factor), scale, this.#zero(codes, x).one];
		return this.#node(inputs, "MatMulIntegerToFloat", {}, "float32", [x.shape[0]!, outFeatures], MICROSOFT);
	}

	#column(scale: Value): Value {
		const axis = this.graph.constant("column", "int64", [1], BigInt64Array.of(1n));
		return this.#node([scale, axis], "Unsqueeze", {}, "float32", [scale.shape[0]!, 1]);
	}

	/** The one zero of all rows, by itself and for each row. */
	#zero(codes: Codes, x: Value) {
		const known = this.#zeros.get(codes);
		if (known) return known;
		const one = this.graph.constant("zero", "uint8", [], Uint8Array.of(codes.zero));
		const rows = this.#node([x], "Shape", { start: 0, end: 1 }, "int64", [1]);
		const zero = { one, all: this.#node([one, rows], "Expand", {}, "uint8", [x.shape[0]!]) };
		this.#zeros.set(codes, zero);
		return zero;
	}

	#node(inputs: Value[], opType: string, attributes: Record<string, number>, dtype: DType, shape: Shape, domain = ""): Value {
		return onnx(inputs, { opType, domain, attributes, outputs: [{ dtype, shape }] })[0]!;
	}
}
