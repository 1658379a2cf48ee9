/** RoBERTa, XLM-RoBERTa and CamemBERT: BERT, its positions counted from behind the padding id. @source transformers' RobertaModel */
import { z } from "zod";
import { bertLayout } from "./bert.js";
import { count, epsilon, sizes, sizesOf } from "./fields.js";
import { architecture } from "./types.js";

export const roberta = architecture({
	modelTypes: ["roberta", "xlm-roberta", "camembert"],
	schema: z.object({
		...sizes,
		hidden_act: z.literal("gelu"),
		type_vocab_size: count.max(64),
		layer_norm_eps: epsilon.default(1e-12),
		pad_token_id: z.int().min(0).default(1),
		position_embedding_type: z.literal("absolute").optional(),
	}),
	encoder: (c) => ({
		architecture: "roberta",
		...sizesOf(c),
		// The table's rows up to the padding id stand for no position.
		maxPositions: c.max_position_embeddings - c.pad_token_id - 1,
		positionOffset: c.pad_token_id + 1,
		typeVocabSize: c.type_vocab_size,
		layerNormEps: c.layer_norm_eps,
		activation: "gelu",
		padTokenId: c.pad_token_id,
	}),
	layout: bertLayout,
});
