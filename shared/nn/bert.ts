/**
 * BERT and those made like it (RoBERTa, DistilBERT, MPNet): learnt positions, norms after the blocks. One definition for
 * encoder and decoder: the decoder is the same frozen stack with a causal mask and a hook after each self-attention.
 * @source Devlin et al. 2019; names as transformers' models have them (layoutOf)
 */
import { add, gather, gelu, type Value } from "../graph/index.js";
import { type LayerLayout, positionRows } from "../models/index.js";
import { headsOf, type PackedTexts, packedAttention } from "./layers.js";
import { type StackOptions, TrainingStack } from "./stack.js";

/** One stack over packed texts. */
class Bert {
	readonly #stack: TrainingStack;

	constructor(
		private readonly options: StackOptions,
		private readonly texts: PackedTexts,
	) {
		this.#stack = new TrainingStack(options, texts);
	}

	/** @shape → [T,D] */
	run(): Value {
		return this.#stack.layout.layers.reduce(
			(states, layout, layer) => this.#stack.checkpoint(states, (before) => this.layer(before, layout, layer)),
			this.embed(),
		);
	}

	private embed(): Value {
		const { config, weights } = this.options;
		const { positions, types, embeddingNorm } = this.#stack.layout;
		const words = this.#stack.words();
		const table = weights.tensor(positions!, [positionRows(config), config.hiddenSize]);
		const placed = add(words, gather(table, this.positions()));
		return this.#stack.norm(embeddingNorm!, types === undefined ? placed : add(placed, this.firstType(types)));
	}

	private positions(): Value {
		const { positionOffset = 0 } = this.options.config;
		const { positions } = this.texts;
		if (positionOffset === 0) return positions;
		return add(positions, positions.graph.constant("position_offset", "int64", [], BigInt64Array.of(BigInt(positionOffset))));
	}

	private firstType(name: string): Value {
		const { config, weights } = this.options;
		const types = weights.tensor(name, [config.typeVocabSize, config.hiddenSize]);
		return gather(types, types.graph.constant("first_type", "int64", [1], BigInt64Array.of(0n)));
	}

	private layer(x: Value, { attention, mixed, wide, narrow, attentionNorm, outputNorm }: LayerLayout, layer: number): Value {
		const stack = this.#stack;
		const { config, afterAttention } = this.options;
		const [q, k, v] = attention.map((part) => stack.linear(part, x));
		const attended = packedAttention(q!, k!, v!, this.texts, headsOf(config), stack.mask(layer));
		const states = stack.norm(attentionNorm!, add(stack.linear(mixed, attended), x));
		const crossed = afterAttention ? afterAttention(states, layer) : states;
		const activated = gelu(stack.linear(wide[0]!, crossed));
		return stack.norm(outputNorm, add(stack.linear(narrow, activated), crossed));
	}
}

/** Token states of packed texts. @shape → [T,D] */
export function bertStates(options: StackOptions, texts: PackedTexts): Value {
	return new Bert(options, texts).run();
}
