/**
 * The encoder as serving runs it, up to token states: texts packed end to end for the linear layers and padded for
 * attention. No value of one text ever meets another's: rows are independent in every product, and attention's mask gives
 * other texts' tokens a weight of exactly zero.
 */
import { add, Graph, gather, gelu, layerNorm, matmul, mul, onnx, reshape, serializeGraph, softmax, type Value } from "../../graph/index.js";
import type { EncoderConfig } from "../../models/index.js";
import type { ComputeMode } from "./compute.js";
import type { Range } from "./eight-bit-products.js";
import { type AdapterMode, type LoraBranch, loraBranch } from "./lora-branch.js";
import { type Products, productsOf } from "./products.js";
import { type ServedLayer, servedLayers } from "./served-layers.js";
import { BaseInputs, type PackedTensor } from "./weights.js";

export { type AdapterMode, loraAInput, loraBInput, RANK_BLOCK } from "./lora-branch.js";

class EmbedGraph {
	readonly graph = new Graph("embed");
	readonly #weights: BaseInputs;
	readonly #products: Products;
	readonly #positions = this.graph.input("texts.positions", "int64", ["T"]);
	readonly #mask = this.graph.input("texts.mask", "float32", ["R", 1, "Q", "S"]);
	/** Of query, key and value. @shape [R,H,S] each */
	readonly #headIndex: readonly Value[];
	/** @shape [T,H] */
	readonly #contextIndex: Value;
	readonly #lora: LoraBranch | undefined;

	constructor(
		private readonly config: EncoderConfig,
		mode: AdapterMode,
		compute: ComputeMode,
		base: readonly PackedTensor[],
	) {
		this.#weights = new BaseInputs(this.graph, base);
		this.#products = productsOf(compute, this.graph, this.#weights);
		this.#headIndex = this.#headIndices();
		this.#contextIndex = add(
			this.graph.input("texts.context_start", "int64", ["T", 1]),
			this.graph.input("texts.head_start", "int64", ["H"]),
		);
		this.#lora = loraBranch(mode, this.graph);
	}

	build(): Uint8Array {
		let states = this.#embeddings();
		for (let layer = 0; layer < this.config.layers; layer++) states = this.#layer(states, layer);
		this.graph.output("states", states);
		return serializeGraph(this.graph);
	}

	/** Token t's part p for head h is row (3·t + p)·H + h of the product. */
	#headIndices(): Value[] {
		const { heads } = this.config;
		const constant = (shape: number[], values: number[]) =>
			this.graph.constant("heads", "int64", shape, BigInt64Array.from(values, BigInt));
		const token = this.graph.input("texts.pad_index", "int64", ["R", 1, "S"]);
		const first = mul(token, constant([], [3 * heads]));
		const head = Array.from({ length: heads }, (_, h) => h);
		return [0, 1, 2].map((part) =>
			add(
				first,
				constant(
					[heads, 1],
					head.map((h) => part * heads + h),
				),
			),
		);
	}

	#embeddings(): Value {
		const { hiddenSize, maxPositions, typeVocabSize } = this.config;
		const table = (kind: string, rows: number) => this.#weights.tensor(`embeddings.${kind}_embeddings.weight`, [rows, hiddenSize]);
		const firstType = gather(table("token_type", typeVocabSize), this.graph.constant("first_type", "int64", [1], BigInt64Array.of(0n)));
		const words = this.#weights.words(hiddenSize);
		const positions = gather(table("position", maxPositions), this.#positions);
		return this.#norm("embeddings.LayerNorm", add(words, add(positions, firstType)));
	}

	#layer(x: Value, layer: number): Value {
		const path = `encoder.layer.${layer}`;
		const { attention, mixed, wide, narrow } = servedLayers(this.config, layer);
		const attended = this.#linear(mixed, this.#attention(this.#linear(attention, x)));
		const states = this.#norm(`${path}.attention.output.LayerNorm`, add(attended, x));
		const activated = gelu(this.#linear(wide, states));
		return this.#norm(`${path}.output.LayerNorm`, add(this.#linear(narrow, activated, "gelu"), states));
	}

	#linear(layer: ServedLayer, x: Value, range: Range = "any"): Value {
		const frozen = this.#products.linear(layer, x, range);
		return this.#lora ? add(frozen, this.#lora.delta(layer, x)) : frozen;
	}

	/**
	 * Heads' rows are picked out of the packed product as they are needed, and put back in one step: no transposing.
	 * @shape qkv [T,3D] → [T,D]
	 */
	#attention(qkv: Value): Value {
		const { heads, hiddenSize } = this.config;
		const size = hiddenSize / heads;
		const parts = reshape(qkv, [-1, size], "T*3*H");
		const [q, k, v] = this.#headIndex.map((index) => gather(parts, index));
		const scores = matmul(q!, k!, { transB: true, alpha: 1 / Math.sqrt(size) });
		const context = matmul(softmax(this.#masked(scores)), v!);
		return reshape(gather(reshape(context, [-1, size], "R*H*S"), this.#contextIndex), [-1, hiddenSize], "T");
	}

	/** The mask has one row of queries or S of them, which a shape rule cannot say. */
	#masked(scores: Value): Value {
		const outputs = [{ dtype: scores.dtype, shape: scores.shape }];
		return onnx([scores, this.#mask], { opType: "Add", domain: "", attributes: {}, outputs })[0]!;
	}

	#norm(path: string, x: Value): Value {
		const shape = [this.config.hiddenSize];
		const [scale, bias] = ["weight", "bias"].map((part) => this.#weights.tensor(`${path}.${part}`, shape));
		return layerNorm(x, scale!, bias!, this.config.layerNormEps);
	}
}

/**
 * ONNX bytes of the encoder. Inputs: the base's (`baseFeeds` of `packBase` for the same `compute`), `texts.*`
 * (`TextRows`) and the adapters' of `mode`. Output `states` [T,D], to be pooled (`poolStates`).
 */
export function buildEmbedGraph(config: EncoderConfig, mode: AdapterMode, compute: ComputeMode, base: readonly PackedTensor[]): Uint8Array {
	return new EmbedGraph(config, mode, compute, base).build();
}
