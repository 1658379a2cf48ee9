/** Fields of config.json that several architectures have. */
import { z } from "zod";
import type { LinearLayer } from "./types.js";

export const count = z.int().min(1).max(1_000_000);
export const epsilon = z.number().positive().max(0.1);
export const padId = z.int().min(0).nullish();
/** Of a feature that changes the mathematics and is not there. */
export const off = z.literal(false).optional();

export const sizes = {
	hidden_size: count.max(16384),
	num_hidden_layers: count.max(256),
	num_attention_heads: count.max(256),
	intermediate_size: count.max(131072),
	vocab_size: count.max(4_000_000),
	max_position_embeddings: count,
};

/** What every encoder's sizes are called here. */
export const sizesOf = (c: z.output<z.ZodObject<typeof sizes>>) => ({
	hiddenSize: c.hidden_size,
	layers: c.num_hidden_layers,
	heads: c.num_attention_heads,
	intermediateSize: c.intermediate_size,
	vocabSize: c.vocab_size,
	maxPositions: c.max_position_embeddings,
});

export const linear = (path: string, inFeatures: number, outFeatures: number): LinearLayer => ({ path, inFeatures, outFeatures });
