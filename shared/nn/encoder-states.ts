/** Token states of packed texts, whatever the architecture, as training needs them: every op has its derivative. */
import { gelu, silu, slice, type Value } from "../graph/index.js";
import { type LinearLayer, layoutOf } from "../models/index.js";
import { bertStates } from "./bert.js";
import { headsOf, type PackedTexts, packedAttention } from "./layers.js";
import { type PreNormBlocks, preNormStates } from "./pre-norm.js";
import { type StackOptions, TrainingStack } from "./stack.js";

class TrainingBlocks implements PreNormBlocks {
	readonly #stack: TrainingStack;
	readonly afterAttention: StackOptions["afterAttention"];

	constructor(
		private readonly options: StackOptions,
		private readonly texts: PackedTexts,
	) {
		this.#stack = new TrainingStack(options, texts);
		this.afterAttention = options.afterAttention;
	}

	words(): Value {
		return this.#stack.words();
	}

	positions(): Value {
		return this.texts.positions;
	}

	linear(layer: LinearLayer, x: Value): Value {
		return this.#stack.linear(layer, x);
	}

	parts(layers: readonly LinearLayer[], x: Value, sizes: readonly number[]): Value[] {
		const products = layers.map((layer) => this.linear(layer, x));
		if (products.length > 1) return products;
		let start = 0;
		return sizes.map((size) => {
			start += size;
			return slice(products[0]!, 1, start - size, start);
		});
	}

	norm(path: string, x: Value): Value {
		return this.#stack.norm(path, x);
	}

	tensor(name: string, shape: readonly number[]): Value {
		return this.options.weights.tensor(name, shape);
	}

	attention(q: Value, k: Value, v: Value, layer: number): Value {
		return packedAttention(q, k, v, this.texts, headsOf(this.options.config), this.#stack.mask(layer));
	}

	activation(x: Value): Value {
		return this.options.config.activation === "gelu" ? gelu(x) : silu(x);
	}

	layer(x: Value, build: (x: Value) => Value): Value {
		return this.#stack.checkpoint(x, build);
	}
}

/** @shape → [T,D] */
export function encoderStates(options: StackOptions, texts: PackedTexts): Value {
	if (layoutOf(options.config).normsFirst) return preNormStates(options.config, new TrainingBlocks(options, texts));
	return bertStates(options, texts);
}
