/** A base model of a few kilobytes, written to a folder: every file of a real one, small enough to change one thing at a time. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TensorData, writeSafetensors } from "../../safetensors/index.js";

export const TINY = {
	model_type: "bert",
	hidden_act: "gelu",
	hidden_size: 8,
	num_hidden_layers: 1,
	num_attention_heads: 2,
	intermediate_size: 16,
	vocab_size: 12,
	max_position_embeddings: 16,
	type_vocab_size: 2,
	layer_norm_eps: 1e-12,
	pad_token_id: 0,
};

export interface TinyModelOptions {
	readonly config?: Readonly<Record<string, unknown>>;
	/** Before each tensor's name. */
	readonly prefix?: string;
	/** Shapes in place of the right ones; null leaves a tensor out. */
	readonly tensors?: Readonly<Record<string, readonly number[] | null>>;
	/** Further files, or others in place of those written by default. */
	readonly files?: Readonly<Record<string, unknown>>;
}

function shapes(): Record<string, readonly number[] | null> {
	const { hidden_size: d, intermediate_size: wide, vocab_size: v } = TINY;
	const layer = "encoder.layer.0";
	const linear = (path: string, out: number, inner: number) => ({ [`${path}.weight`]: [out, inner], [`${path}.bias`]: [out] });
	const norm = (path: string) => ({ [`${path}.weight`]: [d], [`${path}.bias`]: [d] });
	return {
		"embeddings.word_embeddings.weight": [v, d],
		"embeddings.position_embeddings.weight": [TINY.max_position_embeddings, d],
		"embeddings.token_type_embeddings.weight": [TINY.type_vocab_size, d],
		...norm("embeddings.LayerNorm"),
		...linear(`${layer}.attention.self.query`, d, d),
		...linear(`${layer}.attention.self.key`, d, d),
		...linear(`${layer}.attention.self.value`, d, d),
		...linear(`${layer}.attention.output.dense`, d, d),
		...norm(`${layer}.attention.output.LayerNorm`),
		...linear(`${layer}.intermediate.dense`, wide, d),
		...linear(`${layer}.output.dense`, d, wide),
		...norm(`${layer}.output.LayerNorm`),
	};
}

/** @returns the folder */
export function writeTinyModel(folder: string, { config = {}, prefix = "", tensors = {}, files = {} }: TinyModelOptions = {}): string {
	mkdirSync(folder, { recursive: true });
	const data = Object.entries({ ...shapes(), ...tensors }).flatMap(([name, shape]): [string, TensorData][] => {
		if (shape === null) return [];
		const bytes = new Uint8Array(4 * shape.reduce((n, d) => n * d, 1)).map((_, i) => (i % 4 === 2 ? i % 100 : 0));
		return [[prefix + name, { dtype: "F32", shape, data: bytes }]];
	});
	writeSafetensors(join(folder, "model.safetensors"), Object.fromEntries(data));
	const json = {
		"config.json": { ...TINY, ...config },
		"tokenizer.json": { version: "1.0" },
		"tokenizer_config.json": {},
		"1_Pooling/config.json": { pooling_mode_mean_tokens: true, pooling_mode_cls_token: false },
		...files,
	};
	for (const [name, value] of Object.entries(json)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
	}
	return folder;
}
