/** Encoders with their norms before the blocks as other programs run them. */
import { type Graph, onnx, silu, type Value } from "../../graph/index.js";
import type { EncoderConfig, LinearLayer } from "../../models/index.js";
import { columns } from "../attention-bias.js";
import { type PreNormBlocks, preNormStates } from "../pre-norm.js";
import { ExportStack, gelu } from "./stack.js";
import type { ExportWeights } from "./weights.js";

export class PreNormExport implements PreNormBlocks {
	readonly #stack: ExportStack;

	constructor(
		private readonly graph: Graph,
		private readonly config: EncoderConfig,
		private readonly weights: ExportWeights,
	) {
		this.#stack = new ExportStack(graph, config, weights);
	}

	/** Declares the output. */
	build(): void {
		this.graph.output("last_hidden_state", preNormStates(this.config, this));
	}

	words(): Value {
		return this.#stack.words();
	}

	positions(): Value {
		return columns(this.#stack.ids);
	}

	linear(layer: LinearLayer, x: Value): Value {
		return this.#stack.linear(layer, x);
	}

	parts(layers: readonly LinearLayer[], x: Value, sizes: readonly number[]): Value[] {
		const products = layers.map((layer) => this.linear(layer, x));
		return products.length > 1 ? products : splitLast(products[0]!, sizes);
	}

	norm(path: string, x: Value): Value {
		return this.#stack.norm(path, x);
	}

	tensor(name: string, shape: readonly number[]): Value {
		return this.weights.tensor(name, shape);
	}

	attention(q: Value, k: Value, v: Value, layer: number): Value {
		return this.#stack.attention(q, k, v, layer);
	}

	activation(x: Value): Value {
		return this.config.activation === "gelu" ? gelu(x) : silu(x);
	}
}

/** Cuts the last axis. */
export function splitLast(x: Value, sizes: readonly number[]): Value[] {
	const parts = x.graph.constant("sizes", "int64", [sizes.length], BigInt64Array.from(sizes, BigInt));
	const outputs = sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.with(-1, size) }));
	return onnx([x, parts], { opType: "Split", domain: "", attributes: { axis: -1 }, outputs });
}
