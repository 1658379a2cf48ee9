/** Encoders with their norms before the blocks as serving runs them. */
import { gather, gelu, onnx, reshape, silu, type Value } from "../../graph/index.js";
import type { LinearLayer } from "../../models/index.js";
import { headsOf } from "../layers.js";
import { type PreNormBlocks, preNormStates } from "../pre-norm.js";
import { joined } from "./served-layers.js";
import type { ServingStack } from "./serving-stack.js";

export class PreNormGraph implements PreNormBlocks {
	/** Of queries, and of keys and values. @shape [R,heads,S] */
	readonly #queryIndex: Value;
	readonly #keyIndex: Value;

	constructor(private readonly stack: ServingStack) {
		const { heads, kvHeads } = headsOf(stack.config);
		[this.#queryIndex, this.#keyIndex] = [heads, kvHeads].map((count) => stack.headIndices(count, 1)[0]!) as [Value, Value];
	}

	/** @shape → [T,D] */
	states(): Value {
		return preNormStates(this.stack.config, this);
	}

	words(): Value {
		return this.stack.words();
	}

	positions(): Value {
		return this.stack.positions;
	}

	linear(layer: LinearLayer, x: Value): Value {
		return this.stack.linear(joined([layer], this.stack.layout.linearBias), x);
	}

	/** One product, whatever the number of layers. */
	parts(layers: readonly LinearLayer[], x: Value, sizes: readonly number[]): Value[] {
		const product = this.stack.linear(joined(layers, this.stack.layout.linearBias), x);
		const at = x.graph.constant("sizes", "int64", [sizes.length], BigInt64Array.from(sizes, BigInt));
		const outputs = sizes.map((size) => ({ dtype: x.dtype, shape: [x.shape[0]!, size] }));
		return onnx([product, at], { opType: "Split", domain: "", attributes: { axis: 1 }, outputs });
	}

	norm(path: string, x: Value): Value {
		return this.stack.norm(path, x);
	}

	tensor(name: string, shape: readonly number[]): Value {
		return this.stack.weights.tensor(name, shape);
	}

	attention(q: Value, k: Value, v: Value, layer: number): Value {
		const { size } = headsOf(this.stack.config);
		const pick = (x: Value, index: Value) => gather(reshape(x, [-1, size], "T*H"), index);
		return this.stack.attend(pick(q, this.#queryIndex), pick(k, this.#keyIndex), pick(v, this.#keyIndex), layer);
	}

	activation(x: Value): Value {
		return this.stack.config.activation === "gelu" ? gelu(x) : silu(x);
	}
}
