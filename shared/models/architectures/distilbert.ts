/** DistilBERT: BERT without token types, under other names. @source transformers' DistilBertModel */
import { z } from "zod";
import type { EncoderConfig } from "../types.js";
import { linear, padId, sizes } from "./fields.js";
import { architecture, type LayerLayout } from "./types.js";

/** Fixed in transformers' code. */
const EPSILON = 1e-12;

function layer({ hiddenSize: d, intermediateSize: wide }: EncoderConfig, path: string): LayerLayout {
	return {
		attention: ["q_lin", "k_lin", "v_lin"].map((name) => linear(`${path}.attention.${name}`, d, d)),
		mixed: linear(`${path}.attention.out_lin`, d, d),
		wide: [linear(`${path}.ffn.lin1`, d, wide)],
		narrow: linear(`${path}.ffn.lin2`, wide, d),
		attentionNorm: `${path}.sa_layer_norm`,
		outputNorm: `${path}.output_layer_norm`,
	};
}

export const distilbert = architecture({
	modelTypes: ["distilbert"],
	schema: z.object({
		dim: sizes.hidden_size,
		n_layers: sizes.num_hidden_layers,
		n_heads: sizes.num_attention_heads,
		hidden_dim: sizes.intermediate_size,
		vocab_size: sizes.vocab_size,
		max_position_embeddings: sizes.max_position_embeddings,
		activation: z.literal("gelu"),
		pad_token_id: padId,
	}),
	encoder: (c) => ({
		architecture: "distilbert",
		hiddenSize: c.dim,
		layers: c.n_layers,
		heads: c.n_heads,
		intermediateSize: c.hidden_dim,
		vocabSize: c.vocab_size,
		maxPositions: c.max_position_embeddings,
		typeVocabSize: 0,
		layerNormEps: EPSILON,
		activation: "gelu",
		padTokenId: c.pad_token_id ?? 0,
	}),
	layout: (config) => ({
		words: "embeddings.word_embeddings.weight",
		positions: "embeddings.position_embeddings.weight",
		embeddingNorm: "embeddings.LayerNorm",
		linearBias: true,
		norms: "layer",
		normBias: true,
		normsFirst: false,
		layers: Array.from({ length: config.layers }, (_, i) => layer(config, `transformer.layer.${i}`)),
	}),
});
