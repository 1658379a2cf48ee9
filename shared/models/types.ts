import type { SafetensorsFile } from "../safetensors/index.js";

/** Where a base model's files lie, and how they were found. */
export interface ModelFolder {
	/** What was asked for: hub id, folder name or path. */
	readonly ref: string;
	/** Absolute. */
	readonly path: string;
	readonly source: "local" | "hub-cache" | "hub" | "package";
}

/** An encoder's shape, from config.json. */
export interface EncoderConfig {
	/** config.json's model_type, one that nn/ has. */
	readonly architecture: "bert";
	readonly hiddenSize: number;
	readonly layers: number;
	readonly heads: number;
	readonly intermediateSize: number;
	readonly vocabSize: number;
	readonly maxPositions: number;
	readonly typeVocabSize: number;
	readonly layerNormEps: number;
	readonly activation: "gelu";
	readonly padTokenId: number;
}

export type Pooling = "mean" | "cls";

/** An opened base model: its configuration, and weights that are read on demand. */
export interface BaseModel {
	readonly folder: ModelFolder;
	readonly encoder: EncoderConfig;
	readonly pooling: Pooling;
	/** Whether the folder's modules end in a Normalize. */
	readonly normalize: boolean;
	/** Most tokens a text, special ones included (sentence_bert_config.json's max_seq_length, at most maxPositions). */
	readonly maxSeqLength: number;
	/** config_sentence_transformers.json's prompts by name. */
	readonly prompts: Readonly<Record<string, string>>;
	readonly defaultPromptName: string | undefined;
	/** `sha256:` and the hex SHA-256 of config.json's and the weights' bytes. */
	readonly fingerprint: string;
	/** Names without a leading `bert.` or `model.`: `encoder.layer.0.attention.self.query.weight`. */
	readonly weights: SafetensorsFile;
}
