/**
 * BERT, one definition for encoder and decoder: the decoder is the same frozen stack with a causal mask and a hook after
 * each self-attention. @source Devlin et al. 2019; parameter names as transformers' BertModel has them
 */
import { add, cast, gather, gelu, layerNorm, type Value } from "../graph/index.js";
import type { EncoderConfig } from "../models/index.js";
import type { FrozenWeights } from "./frozen-weights.js";
import { type LoraFactors, loraLinear, type PackedTexts, packedAttention } from "./layers.js";

export interface BertOptions {
	readonly config: EncoderConfig;
	readonly weights: FrozenWeights;
	/** Rows of the word embeddings in use. @shape [V',D] */
	readonly wordEmbeddings: Value;
	/** Factors of a linear layer by its path; undefined where it has none. */
	readonly lora?: ((path: string, outFeatures: number, inFeatures: number) => LoraFactors | undefined) | undefined;
	/** Called with the states after each self-attention block, for the decoder's cross-attention. */
	readonly afterAttention?: ((states: Value, layer: number) => Value) | undefined;
}

/** One stack over packed texts. */
class Bert {
	constructor(
		private readonly options: BertOptions,
		private readonly texts: PackedTexts,
	) {}

	/** @shape → [T,D] */
	run(): Value {
		let states = this.embed();
		for (let layer = 0; layer < this.options.config.layers; layer++) states = this.layer(states, layer);
		return states;
	}

	private embed(): Value {
		const { config, weights, wordEmbeddings } = this.options;
		const rows = gather(wordEmbeddings, this.texts.ids);
		const words = rows.dtype === "float32" ? rows : cast(rows, "float32");
		const positions = gather(
			weights.tensor("embeddings.position_embeddings.weight", [config.maxPositions, config.hiddenSize]),
			this.texts.positions,
		);
		const types = weights.tensor("embeddings.token_type_embeddings.weight", [config.typeVocabSize, config.hiddenSize]);
		const firstType = gather(types, types.graph.constant("first_type", "int64", [1], BigInt64Array.of(0n)));
		return this.norm("embeddings.LayerNorm", add(add(words, positions), firstType));
	}

	private layer(x: Value, layer: number): Value {
		const { config, afterAttention } = this.options;
		const { hiddenSize, intermediateSize, heads } = config;
		const path = `encoder.layer.${layer}`;
		const project = (name: string) => this.linear(`${path}.attention.self.${name}`, x, hiddenSize, hiddenSize);
		const attended = packedAttention(project("query"), project("key"), project("value"), this.texts, heads);
		const output = this.linear(`${path}.attention.output.dense`, attended, hiddenSize, hiddenSize);
		const states = this.norm(`${path}.attention.output.LayerNorm`, add(output, x));
		const crossed = afterAttention ? afterAttention(states, layer) : states;
		const wide = gelu(this.linear(`${path}.intermediate.dense`, crossed, intermediateSize, hiddenSize));
		const narrow = this.linear(`${path}.output.dense`, wide, hiddenSize, intermediateSize);
		return this.norm(`${path}.output.LayerNorm`, add(narrow, crossed));
	}

	private linear(path: string, x: Value, outFeatures: number, inFeatures: number): Value {
		const { weights, lora } = this.options;
		const product = weights.product(path, x, [outFeatures, inFeatures]);
		return loraLinear(x, product, weights.tensor(`${path}.bias`, [outFeatures]), lora?.(path, outFeatures, inFeatures));
	}

	private norm(path: string, x: Value): Value {
		const { config, weights } = this.options;
		const shape = [config.hiddenSize];
		return layerNorm(x, weights.tensor(`${path}.weight`, shape), weights.tensor(`${path}.bias`, shape), config.layerNormEps);
	}
}

/** Token states of packed texts. @shape → [T,D] */
export function bertStates(options: BertOptions, texts: PackedTexts): Value {
	return new Bert(options, texts).run();
}
