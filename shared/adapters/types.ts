import type { Pooling } from "../models/index.js";

/** One linear layer's LoRA factors: the layer adds scale · B·A·x. */
export interface LoraModule {
	/** The layer's path in the base model: `encoder.layer.0.attention.self.query`. */
	readonly path: string;
	/** Input and output size of the layer. */
	readonly inFeatures: number;
	readonly outFeatures: number;
	readonly r: number;
	/** [R,K] row-major. */
	readonly a: Float32Array;
	/** [N,R] row-major. */
	readonly b: Float32Array;
}

/** What a vector of length 1 goes through after pooling: v ↦ W·v + b, sentence-transformers' Dense module without an activation. */
export interface DenseModule {
	readonly inFeatures: number;
	readonly outFeatures: number;
	/** W, [outFeatures, inFeatures] row-major. */
	readonly weight: Float32Array;
	/** b, [outFeatures]. */
	readonly bias: Float32Array;
}

/** What a finished job writes beside PEFT's own two files. */
export interface AdapterManifest {
	readonly format: 1;
	readonly name: string;
	readonly base_model: string;
	readonly base_fingerprint: string;
	readonly tokenizer_hash: string;
	/** SHA-256 of the training texts. */
	readonly data_hash: string;
	/** SHA-256 of adapter_model.safetensors. */
	readonly weights_hash: string;
	/** SHA-256 of the Dense module's weights, where there is one. */
	readonly dense_hash?: string | undefined;
	readonly quantization: "nf4" | "nf4-double" | "none";
	readonly pooling: Pooling;
	readonly max_length: number;
	readonly job_id?: string | undefined;
	/** W3C traceparent of the job that made it. */
	readonly traceparent?: string | undefined;
	readonly created_at: string;
	readonly tool_version: string;
	readonly settings: Readonly<Record<string, unknown>>;
	readonly metrics: Readonly<Record<string, unknown>>;
	/** unverified without labels, else what the labels said. */
	readonly verdict: "unverified" | "improved" | "no_change" | "regressed";
	/** Texts and the unit vectors that base + adapter give for them; serving checks them at load. */
	readonly canaries: readonly { readonly text: string; readonly embedding: readonly number[] }[];
}

export interface Adapter {
	readonly name: string;
	readonly r: number;
	/** lora_alpha / r, or lora_alpha / √r with rslora. */
	readonly scale: number;
	readonly modules: readonly LoraModule[];
	/** What modules.json names after the pooling, if anything. */
	readonly dense?: DenseModule | undefined;
	/** Absent for a folder that PEFT wrote by itself. */
	readonly manifest: AdapterManifest | undefined;
	/** SHA-256 of adapter_model.safetensors, hex. */
	readonly weightsHash: string;
	/** Bytes of the factors and of the Dense module in memory. */
	readonly bytes: number;
}
