/** @source transformers' BertModel */
import { z } from "zod";
import type { EncoderConfig } from "../types.js";
import { count, epsilon, linear, padId, sizes, sizesOf } from "./fields.js";
import { architecture, type LayerLayout, type Layout } from "./types.js";

function layer({ hiddenSize: d, intermediateSize: wide }: EncoderConfig, path: string): LayerLayout {
	return {
		attention: ["query", "key", "value"].map((name) => linear(`${path}.attention.self.${name}`, d, d)),
		mixed: linear(`${path}.attention.output.dense`, d, d),
		wide: [linear(`${path}.intermediate.dense`, d, wide)],
		narrow: linear(`${path}.output.dense`, wide, d),
		attentionNorm: `${path}.attention.output.LayerNorm`,
		outputNorm: `${path}.output.LayerNorm`,
	};
}

/** BERT's modules, which RoBERTa has taken over. */
export const bertLayout = (config: EncoderConfig): Layout => ({
	words: "embeddings.word_embeddings.weight",
	positions: "embeddings.position_embeddings.weight",
	types: "embeddings.token_type_embeddings.weight",
	embeddingNorm: "embeddings.LayerNorm",
	linearBias: true,
	norms: "layer",
	normBias: true,
	normsFirst: false,
	layers: Array.from({ length: config.layers }, (_, i) => layer(config, `encoder.layer.${i}`)),
});

export const bert = architecture({
	modelTypes: ["bert"],
	schema: z.object({
		...sizes,
		hidden_act: z.literal("gelu"),
		type_vocab_size: count.max(64),
		layer_norm_eps: epsilon.default(1e-12),
		pad_token_id: padId,
		position_embedding_type: z.literal("absolute").optional(),
	}),
	encoder: (c) => ({
		architecture: "bert",
		...sizesOf(c),
		typeVocabSize: c.type_vocab_size,
		layerNormEps: c.layer_norm_eps,
		activation: "gelu",
		padTokenId: c.pad_token_id ?? 0,
	}),
	layout: bertLayout,
});
