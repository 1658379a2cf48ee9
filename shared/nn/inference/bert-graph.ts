/** BERT and those made like it as serving runs them. */
import { add, gather, gelu, reshape, type Value } from "../../graph/index.js";
import { type LayerLayout, positionRows } from "../../models/index.js";
import { servedLayers } from "./served-layers.js";
import type { ServingStack } from "./serving-stack.js";

export class BertGraph {
	/** Of query, key and value. @shape [R,H,S] each */
	readonly #headIndex: readonly Value[];

	constructor(private readonly stack: ServingStack) {
		this.#headIndex = stack.headIndices(stack.config.heads, 3);
	}

	/** @shape → [T,D] */
	states(): Value {
		return this.stack.layout.layers.reduce((x, layout, layer) => this.#layer(x, layout, layer), this.#embeddings());
	}

	#embeddings(): Value {
		const { weights, layout, graph, config } = this.stack;
		const { hiddenSize, typeVocabSize } = config;
		const { positions, types, embeddingNorm } = layout;
		const placed = gather(weights.tensor(positions!, [positionRows(config), hiddenSize]), this.#positions());
		const firstType =
			types && gather(weights.tensor(types, [typeVocabSize, hiddenSize]), graph.constant("first_type", "int64", [1], BigInt64Array.of(0n)));
		return this.stack.norm(embeddingNorm!, add(this.stack.words(), firstType ? add(placed, firstType) : placed));
	}

	#positions(): Value {
		const { positions, graph, config } = this.stack;
		const { positionOffset = 0 } = config;
		if (positionOffset === 0) return positions;
		return add(positions, graph.constant("position_offset", "int64", [], BigInt64Array.of(BigInt(positionOffset))));
	}

	#layer(x: Value, layout: LayerLayout, layer: number): Value {
		const { stack } = this;
		const { attention, mixed, wide, narrow } = servedLayers(layout, stack.layout.linearBias);
		const attended = stack.linear(mixed, this.#attention(stack.linear(attention, x), layer));
		const states = stack.norm(layout.attentionNorm!, add(attended, x));
		const activated = gelu(stack.linear(wide, states));
		return stack.norm(layout.outputNorm, add(stack.linear(narrow, activated, "gelu"), states));
	}

	/**
	 * Heads' rows are picked out of the packed product as they are needed, and put back in one step: no transposing.
	 * @shape qkv [T,3D] → [T,D]
	 */
	#attention(qkv: Value, layer: number): Value {
		const { hiddenSize, heads } = this.stack.config;
		const parts = reshape(qkv, [-1, hiddenSize / heads], "T*3*H");
		const [q, k, v] = this.#headIndex.map((index) => gather(parts, index));
		return this.stack.attend(q!, k!, v!, layer);
	}
}
