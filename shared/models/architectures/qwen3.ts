/**
 * Qwen3, a decoder as an embedder: causal attention, fewer heads of keys and values than of queries, RMS norms also over
 * each head, rotary positions, a gated feed-forward block. @source Qwen3 technical report 2025; transformers' Qwen3Model
 */
import { z } from "zod";
import type { EncoderConfig } from "../types.js";
import { count, epsilon, linear, off, padId, sizes, sizesOf } from "./fields.js";
import { architecture, type LayerLayout } from "./types.js";

const theta = z.number().min(1).max(1e12);

const schema = z.object({
	...sizes,
	hidden_act: z.literal("silu"),
	num_key_value_heads: count.max(256).optional(),
	head_dim: count.max(1024).multipleOf(2).nullish(),
	rms_norm_eps: epsilon.default(1e-6),
	attention_bias: off,
	use_sliding_window: off,
	layer_types: z.array(z.literal("full_attention")).max(256).nullish(),
	pad_token_id: padId,
	rope_theta: theta.optional(),
	rope_scaling: z.null().optional(),
	rope_parameters: z.object({ rope_type: z.literal("default").optional(), rope_theta: theta.optional() }).nullish(),
});

function layer(config: EncoderConfig, path: string): LayerLayout {
	const { hiddenSize: d, intermediateSize: wide, heads, kvHeads = heads, headSize = d / heads } = config;
	return {
		attention: [
			linear(`${path}.self_attn.q_proj`, d, heads * headSize),
			linear(`${path}.self_attn.k_proj`, d, kvHeads * headSize),
			linear(`${path}.self_attn.v_proj`, d, kvHeads * headSize),
		],
		mixed: linear(`${path}.self_attn.o_proj`, heads * headSize, d),
		wide: [linear(`${path}.mlp.gate_proj`, d, wide), linear(`${path}.mlp.up_proj`, d, wide)],
		narrow: linear(`${path}.mlp.down_proj`, wide, d),
		attentionNorm: `${path}.input_layernorm`,
		outputNorm: `${path}.post_attention_layernorm`,
		headNorms: { query: `${path}.self_attn.q_norm`, key: `${path}.self_attn.k_norm` },
	};
}

export const qwen3 = architecture({
	modelTypes: ["qwen3"],
	schema,
	encoder: (c) => {
		const base = c.rope_parameters?.rope_theta ?? c.rope_theta ?? 10_000;
		return {
			architecture: "qwen3",
			...sizesOf(c),
			kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
			headSize: c.head_dim ?? 128,
			typeVocabSize: 0,
			layerNormEps: c.rms_norm_eps,
			activation: "silu",
			padTokenId: c.pad_token_id ?? 0,
			causal: true,
			rotary: { theta: base, localTheta: base },
		};
	},
	layout: (config) => ({
		words: "embed_tokens.weight",
		finalNorm: "norm",
		linearBias: false,
		norms: "rms",
		normBias: false,
		normsFirst: true,
		layers: Array.from({ length: config.layers }, (_, i) => layer(config, `layers.${i}`)),
	}),
});
