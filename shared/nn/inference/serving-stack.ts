/** What the architectures have in common when they are served: inputs, products with adapters beside them, norms, attention. */
import { add, Graph, gather, layerNorm, matmul, mul, onnx, reshape, rmsNorm, softmax, type Value } from "../../graph/index.js";
import { type EncoderConfig, type Layout, layoutOf } from "../../models/index.js";
import { AttentionBias } from "../attention-bias.js";
import { type Heads, headsOf, overGroups } from "../layers.js";
import type { ComputeMode } from "./compute.js";
import type { Range } from "./eight-bit-products.js";
import { type AdapterMode, type LoraBranch, loraBranch } from "./lora-branch.js";
import { type Products, productsOf } from "./products.js";
import type { ServedLayer } from "./served-layers.js";
import { BaseInputs, type PackedTensor } from "./weights.js";

export class ServingStack {
	readonly graph = new Graph("embed");
	readonly layout: Layout;
	readonly weights: BaseInputs;
	/** @shape int64 [T] */
	readonly positions = this.graph.input("texts.positions", "int64", ["T"]);
	readonly #mask = this.graph.input("texts.mask", "float32", ["R", 1, "Q", "S"]);
	readonly #token = this.graph.input("texts.pad_index", "int64", ["R", 1, "S"]);
	readonly #products: Products;
	readonly #heads: Heads;
	/** @shape [T,H] */
	readonly #contextIndex: Value;
	readonly #lora: LoraBranch | undefined;
	readonly #bias: AttentionBias | undefined;
	readonly #masks = new Map<Value, Value>();

	constructor(
		readonly config: EncoderConfig,
		mode: AdapterMode,
		compute: ComputeMode,
		base: readonly PackedTensor[],
	) {
		this.layout = layoutOf(config);
		this.weights = new BaseInputs(this.graph, base);
		this.#products = productsOf(compute, this.graph, this.weights);
		this.#heads = headsOf(config);
		this.#contextIndex = add(
			this.graph.input("texts.context_start", "int64", ["T", 1]),
			this.graph.input("texts.head_start", "int64", ["H"]),
		);
		this.#lora = loraBranch(mode, this.graph);
		if (AttentionBias.isNeeded(config))
			this.#bias = new AttentionBias(config, this.#token, (name, shape) => this.weights.tensor(name, shape));
	}

	words(): Value {
		return this.weights.words(this.config.hiddenSize);
	}

	linear(layer: ServedLayer, x: Value, range: Range = "any"): Value {
		const frozen = this.#products.linear(layer, x, range);
		return this.#lora ? add(frozen, this.#lora.delta(layer, x)) : frozen;
	}

	norm(path: string, x: Value): Value {
		const shape = [x.shape.at(-1) as number];
		const scale = this.weights.tensor(`${path}.weight`, shape);
		const { layerNormEps } = this.config;
		if (this.layout.norms === "rms") return rmsNorm(x, scale, layerNormEps);
		return layerNorm(x, scale, this.layout.normBias ? this.weights.tensor(`${path}.bias`, shape) : this.#zeros(shape), layerNormEps);
	}

	#zero: Value | undefined;

	#zeros(shape: readonly number[]): Value {
		this.#zero ??= this.graph.constant("zeros", "float32", shape, new Float32Array(shape[0]!));
		return this.#zero;
	}

	/**
	 * Where the rows of heads lie in a product, for each of its parts: token t's part p for head h is row
	 * (parts·t + p)·heads + h of what is cut into heads. @shape → [R,heads,S] each
	 */
	headIndices(heads: number, parts: number): Value[] {
		const constant = (shape: number[], values: number[]) =>
			this.graph.constant("heads", "int64", shape, BigInt64Array.from(values, BigInt));
		const first = mul(this.#token, constant([], [parts * heads]));
		const head = Array.from({ length: heads }, (_, h) => h);
		return Array.from({ length: parts }, (_, part) =>
			add(
				first,
				constant(
					[heads, 1],
					head.map((h) => part * heads + h),
				),
			),
		);
	}

	/** @shape q [R,heads,S,size], k, v [R,kvHeads,S,size] → [T,heads·size] */
	attend(q: Value, k: Value, v: Value, layer: number): Value {
		const { heads, kvHeads, size } = this.#heads;
		const alpha = 1 / Math.sqrt(size);
		const context =
			kvHeads < heads
				? this.#grouped(q, k, v, alpha, layer)
				: matmul(softmax(this.#masked(matmul(q, k, { transB: true, alpha }), this.#maskOf(layer))), v);
		return reshape(gather(reshape(context, [-1, size], "R*H*S"), this.#contextIndex), [-1, heads * size], "T");
	}

	/** Each head of keys and values serves a group of queries: one more axis, along which they are the same. */
	#grouped(q: Value, k: Value, v: Value, alpha: number, layer: number): Value {
		const { heads, kvHeads, size } = this.#heads;
		const split = (x: Value, group: number) => reshape(x, [0, kvHeads, group, -1, size], "S");
		const scores = matmul(split(q, heads / kvHeads), split(k, 1), { transB: true, alpha });
		return matmul(softmax(this.#masked(scores, overGroups(this.#maskOf(layer)))), split(v, 1));
	}

	/** The mask has one row of queries or S of them, which a shape rule cannot say. */
	#masked(scores: Value, mask: Value): Value {
		const outputs = [{ dtype: scores.dtype, shape: scores.shape }];
		return onnx([scores, mask], { opType: "Add", domain: "", attributes: {}, outputs })[0]!;
	}

	/** What keeps texts apart, and what the architecture adds to it. */
	#maskOf(layer: number): Value {
		const bias = this.#bias?.of(layer);
		if (!bias) return this.#mask;
		const known = this.#masks.get(bias);
		if (known) return known;
		const heads = bias.rank === 3 ? bias.shape[0]! : 1;
		const outputs = [{ dtype: bias.dtype, shape: ["R", heads, "S", "S"] }];
		const mask = onnx([this.#mask, bias], { opType: "Add", domain: "", attributes: {}, outputs })[0]!;
		this.#masks.set(bias, mask);
		return mask;
	}
}
