/** MPNet: BERT without token types, its attention with a number added for each distance. @source transformers' MPNetModel */
import { z } from "zod";
import type { EncoderConfig } from "../types.js";
import { count, epsilon, linear, sizes, sizesOf } from "./fields.js";
import { architecture, type LayerLayout } from "./types.js";

function layer({ hiddenSize: d, intermediateSize: wide }: EncoderConfig, path: string): LayerLayout {
	return {
		attention: ["q", "k", "v"].map((name) => linear(`${path}.attention.attn.${name}`, d, d)),
		mixed: linear(`${path}.attention.attn.o`, d, d),
		wide: [linear(`${path}.intermediate.dense`, d, wide)],
		narrow: linear(`${path}.output.dense`, wide, d),
		attentionNorm: `${path}.attention.LayerNorm`,
		outputNorm: `${path}.output.LayerNorm`,
	};
}

/** transformers' model has its padding id in the code, whatever the configuration says. */
const PAD = 1;

export const mpnet = architecture({
	modelTypes: ["mpnet"],
	schema: z.object({
		...sizes,
		hidden_act: z.literal("gelu"),
		layer_norm_eps: epsilon.default(1e-12),
		relative_attention_num_buckets: count.min(4).max(1024).multipleOf(4).default(32),
		pad_token_id: z.literal(PAD).default(PAD),
	}),
	encoder: (c) => ({
		architecture: "mpnet",
		...sizesOf(c),
		maxPositions: c.max_position_embeddings - PAD - 1,
		positionOffset: PAD + 1,
		typeVocabSize: 0,
		layerNormEps: c.layer_norm_eps,
		activation: "gelu",
		padTokenId: PAD,
		relativeBuckets: c.relative_attention_num_buckets,
	}),
	layout: (config) => ({
		words: "embeddings.word_embeddings.weight",
		positions: "embeddings.position_embeddings.weight",
		relative: "encoder.relative_attention_bias.weight",
		embeddingNorm: "embeddings.LayerNorm",
		linearBias: true,
		norms: "layer",
		normBias: true,
		normsFirst: false,
		layers: Array.from({ length: config.layers }, (_, i) => layer(config, `encoder.layer.${i}`)),
	}),
});
