import type { SafetensorsFile } from "../safetensors/index.js";

/** Where a base model's files lie, and how they were found. */
export interface ModelFolder {
	/** What was asked for: hub id, folder name or path. */
	readonly ref: string;
	/** Absolute. */
	readonly path: string;
	readonly source: "local" | "hub-cache" | "hub" | "package";
}

/** The encoders that nn/ has. Models of one architecture may have several model_types: RoBERTa's are roberta, xlm-roberta and camembert. */
export const ARCHITECTURES = ["bert", "roberta", "distilbert", "mpnet", "modernbert", "qwen3"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** An encoder's shape, from config.json. Plain data: it goes to worker threads as it is. */
export interface EncoderConfig {
	readonly architecture: Architecture;
	readonly hiddenSize: number;
	readonly layers: number;
	readonly heads: number;
	/** Heads of keys and values, each shared by heads / kvHeads queries. Default: heads. */
	readonly kvHeads?: number | undefined;
	/** Default: hiddenSize / heads. */
	readonly headSize?: number | undefined;
	readonly intermediateSize: number;
	readonly vocabSize: number;
	/** Most tokens a text. */
	readonly maxPositions: number;
	/** Row of the first position in the table of positions. Default 0. */
	readonly positionOffset?: number | undefined;
	/** Rows of the table of token types; 0 where there is none. */
	readonly typeVocabSize: number;
	readonly layerNormEps: number;
	readonly activation: "gelu" | "silu";
	readonly padTokenId: number;
	/** Tokens see only themselves and what is before them. Default false. */
	readonly causal?: boolean | undefined;
	/** Buckets that distances between tokens fall into, where attention adds a number for each. */
	readonly relativeBuckets?: number | undefined;
	readonly rotary?: Rotary | undefined;
	/** Layers that see a part of the text. */
	readonly localAttention?: LocalAttention | undefined;
}

/** Rotary position embeddings: bases of the frequencies. */
export interface Rotary {
	readonly theta: number;
	/** Of the layers with local attention. */
	readonly localTheta: number;
}

export interface LocalAttention {
	/** How many tokens to either side are seen. */
	readonly reach: number;
	/** By layer. */
	readonly layers: readonly boolean[];
}

export const POOLINGS = ["mean", "cls", "lasttoken"] as const;
/** As sentence-transformers calls them. lasttoken: the state of the text's last token, special ones included. */
export type Pooling = (typeof POOLINGS)[number];

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
	/** As language modelling left it: config.json names a language model's head, and no file is sentence-transformers'. */
	readonly languageModel: boolean;
	/** `sha256:` and the hex SHA-256 of config.json's and the weights' bytes. */
	readonly fingerprint: string;
	/** Names as the architecture's own model has them, without a leading `bert.` or `model.`: `encoder.layer.0.attention.self.query.weight`. */
	readonly weights: SafetensorsFile;
}
