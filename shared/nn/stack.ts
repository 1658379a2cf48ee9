/** What the architectures have in common when they are trained: frozen tensors and linear layers with LoRA beside them. */
import { add, cast, gather, layerNorm, rmsNorm, type Value } from "../graph/index.js";
import { type EncoderConfig, type Layout, type LinearLayer, layoutOf } from "../models/index.js";
import { AttentionBias } from "./attention-bias.js";
import type { FrozenWeights } from "./frozen-weights.js";
import { type LoraFactors, loraLinear, type PackedTexts } from "./layers.js";

export interface StackOptions {
	readonly config: EncoderConfig;
	readonly weights: FrozenWeights;
	/** Rows of the word embeddings in use. @shape [V',D] */
	readonly wordEmbeddings: Value;
	/** Factors of a linear layer by its path; undefined where it has none. */
	readonly lora?: ((path: string, outFeatures: number, inFeatures: number) => LoraFactors | undefined) | undefined;
	/** Layers keep what enters them alone, and are computed once more in the backward pass. */
	readonly checkpointing?: boolean | undefined;
	/** Called with the states after each self-attention block, for the decoder's cross-attention. */
	readonly afterAttention?: ((states: Value, layer: number) => Value) | undefined;
}

export class TrainingStack {
	readonly layout: Layout;
	readonly #bias: AttentionBias | undefined;
	readonly #masks = new Map<Value, Value>();

	constructor(
		readonly options: StackOptions,
		readonly texts: PackedTexts,
	) {
		const { config, weights } = options;
		this.layout = layoutOf(config);
		if (!AttentionBias.isNeeded(config)) return;
		this.#bias = new AttentionBias(config, texts.padIndex, (name, shape) => weights.tensor(name, shape));
		// Made here, and not in the layer that is first to ask: layers may be computed a second time.
		for (let layer = 0; layer < config.layers; layer++) this.mask(layer);
	}

	/** What a layer adds to its scores. @shape [R,1 or H,S,S] */
	mask(layer: number): Value {
		const bias = this.#bias?.of(layer);
		if (!bias) return this.texts.mask;
		const known = this.#masks.get(bias);
		if (known) return known;
		const mask = add(this.texts.mask, bias);
		this.#masks.set(bias, mask);
		return mask;
	}

	words(): Value {
		const rows = gather(this.options.wordEmbeddings, this.texts.ids);
		return rows.dtype === "float32" ? rows : cast(rows, "float32");
	}

	linear({ path, inFeatures, outFeatures }: LinearLayer, x: Value): Value {
		const { weights, lora } = this.options;
		const product = weights.product(path, x, [outFeatures, inFeatures]);
		const bias = this.layout.linearBias ? weights.tensor(`${path}.bias`, [outFeatures]) : undefined;
		return loraLinear(x, product, bias, lora?.(path, outFeatures, inFeatures));
	}

	norm(path: string, x: Value): Value {
		const { config, weights } = this.options;
		const shape = [x.shape.at(-1) as number];
		const scale = weights.tensor(`${path}.weight`, shape);
		if (this.layout.norms === "rms") return rmsNorm(x, scale, config.layerNormEps);
		return layerNorm(x, scale, this.layout.normBias ? weights.tensor(`${path}.bias`, shape) : this.#zeros(shape), config.layerNormEps);
	}

	#zero: Value | undefined;

	#zeros(shape: readonly number[]): Value {
		this.#zero ??= this.texts.mask.graph.constant("zeros", "float32", shape, new Float32Array(shape[0]!));
		return this.#zero;
	}

	/** A layer's nodes, marked where they are to be computed again. */
	checkpoint(x: Value, layer: (x: Value) => Value): Value {
		return this.options.checkpointing ? x.graph.checkpoint(() => layer(x)) : layer(x);
	}
}
