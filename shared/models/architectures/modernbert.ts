/**
 * ModernBERT: norms before the blocks, rotary positions, a gated feed-forward block, no biases, and most layers seeing a
 * window only. @source Warner et al. 2024; transformers' ModernBertModel
 */
import { z } from "zod";
import type { EncoderConfig } from "../types.js";
import { count, epsilon, linear, off, padId, sizes, sizesOf } from "./fields.js";
import { architecture, type LayerLayout } from "./types.js";

const theta = z.number().min(1).max(1e12);
const rope = z.object({ rope_type: z.literal("default").optional(), rope_theta: theta.optional() }).nullish();
const kind = z.enum(["full_attention", "sliding_attention"]);

const schema = z.object({
	...sizes,
	hidden_activation: z.literal("gelu").default("gelu"),
	norm_eps: epsilon.default(1e-5),
	norm_bias: off,
	attention_bias: off,
	mlp_bias: off,
	pad_token_id: padId,
	local_attention: count.min(2).default(128),
	layer_types: z.array(kind).max(256).nullish(),
	global_attn_every_n_layers: count.default(3),
	rope_parameters: z.object({ full_attention: rope, sliding_attention: rope }).nullish(),
	rope_scaling: z.null().optional(),
	global_rope_theta: theta.default(160_000),
	local_rope_theta: theta.nullish(),
});

function layer({ hiddenSize: d, intermediateSize: wide }: EncoderConfig, i: number): LayerLayout {
	const path = `layers.${i}`;
	return {
		attention: [linear(`${path}.attn.Wqkv`, d, 3 * d)],
		mixed: linear(`${path}.attn.Wo`, d, d),
		wide: [linear(`${path}.mlp.Wi`, d, 2 * wide)],
		narrow: linear(`${path}.mlp.Wo`, wide, d),
		// The embeddings are normalised already.
		attentionNorm: i === 0 ? undefined : `${path}.attn_norm`,
		outputNorm: `${path}.mlp_norm`,
	};
}

export const modernbert = architecture({
	modelTypes: ["modernbert"],
	schema,
	encoder: (c) => ({
		architecture: "modernbert",
		...sizesOf(c),
		typeVocabSize: 0,
		layerNormEps: c.norm_eps,
		activation: "gelu",
		padTokenId: c.pad_token_id ?? 0,
		rotary: {
			theta: c.rope_parameters?.full_attention?.rope_theta ?? c.global_rope_theta,
			localTheta: c.rope_parameters?.sliding_attention?.rope_theta ?? c.local_rope_theta ?? 10_000,
		},
		localAttention: {
			reach: Math.floor(c.local_attention / 2),
			layers:
				c.layer_types?.map((kind) => kind === "sliding_attention") ??
				Array.from({ length: c.num_hidden_layers }, (_, i) => i % c.global_attn_every_n_layers !== 0),
		},
	}),
	layout: (config) => ({
		words: "embeddings.tok_embeddings.weight",
		embeddingNorm: "embeddings.norm",
		finalNorm: "final_norm",
		linearBias: false,
		norms: "layer",
		normBias: false,
		normsFirst: true,
		layers: Array.from({ length: config.layers }, (_, i) => layer(config, i)),
	}),
});
