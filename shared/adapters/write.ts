/** Writes adapter folders that PEFT and sentence-transformers load as their own. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors, float32Tensor } from "../safetensors/index.js";
import { DENSE_FOLDER, writeDense } from "./dense.js";
import { modelCard } from "./model-card.js";
import { CONFIG_FILE, MANIFEST_FILE, WEIGHTS_FILE } from "./read.js";
import type { AdapterManifest, DenseModule, LoraModule } from "./types.js";

export const TOOL_VERSION = "0.1.0";

export interface WriteAdapterOptions {
	readonly name: string;
	readonly r: number;
	readonly alpha: number;
	readonly modules: readonly LoraModule[];
	/** What vectors go through after pooling. */
	readonly dense?: DenseModule | undefined;
	readonly base: {
		readonly ref: string;
		readonly fingerprint: string;
		readonly hiddenSize: number;
		readonly normalize: boolean;
		readonly prompts: Readonly<Record<string, string>>;
	};
	readonly tokenizerHash: string;
	readonly dataHash: string;
	readonly quantization: AdapterManifest["quantization"];
	readonly pooling: AdapterManifest["pooling"];
	readonly maxLength: number;
	/** Most tokens that the base takes; what sentence-transformers cuts texts at. */
	readonly maxSeqLength: number;
	readonly jobId?: string | undefined;
	readonly traceparent?: string | undefined;
	readonly settings: Readonly<Record<string, unknown>>;
	readonly metrics: Readonly<Record<string, unknown>>;
	readonly verdict: AdapterManifest["verdict"];
	readonly canaries: AdapterManifest["canaries"];
	/** What the model card says of the training texts, as Markdown. */
	readonly data?: string | undefined;
}

/**
 * PEFT adapts every layer whose name ends in one of these, so a bare `dense` would also meet BERT's pooler, which has no
 * factors: the last two parts of a name are taken where the last alone is `dense`.
 */
export function targetModules(modules: readonly LoraModule[]): string[] {
	const suffix = (path: string) =>
		path
			.split(".")
			.slice(path.endsWith(".dense") ? -2 : -1)
			.join(".");
	return [...new Set(modules.map(({ path }) => suffix(path)))].sort();
}

function adapterConfig({ base, r, alpha, modules }: WriteAdapterOptions): Record<string, unknown> {
	return {
		alpha_pattern: {},
		auto_mapping: null,
		base_model_name_or_path: base.ref,
		bias: "none",
		fan_in_fan_out: false,
		inference_mode: true,
		init_lora_weights: true,
		layers_pattern: null,
		layers_to_transform: null,
		lora_alpha: alpha,
		lora_dropout: 0,
		modules_to_save: null,
		peft_type: "LORA",
		r,
		rank_pattern: {},
		revision: null,
		target_modules: targetModules(modules),
		task_type: "FEATURE_EXTRACTION",
		use_dora: false,
		use_rslora: false,
	};
}

export interface SentenceTransformersOptions {
	readonly base: Pick<WriteAdapterOptions["base"], "hiddenSize" | "normalize" | "prompts"> & {
		readonly defaultPromptName?: string | undefined;
	};
	readonly pooling: AdapterManifest["pooling"];
	readonly maxSeqLength: number;
	/** Whether a Dense module lies in the folder. */
	readonly dense?: boolean | undefined;
}

/** The files by which sentence-transformers knows how to pool, cut and normalise: path and JSON. */
export function sentenceTransformersFiles({
	base,
	pooling,
	maxSeqLength,
	dense = false,
}: SentenceTransformersOptions): [string, unknown][] {
	const module = (idx: number, path: string, type: string) => ({
		idx,
		name: String(idx),
		path,
		type: `sentence_transformers.models.${type}`,
	});
	return [
		[
			"modules.json",
			[
				module(0, "", "Transformer"),
				module(1, "1_Pooling", "Pooling"),
				// The Dense module is made for vectors of length 1.
				...(base.normalize || dense ? [module(2, "2_Normalize", "Normalize")] : []),
				...(dense ? [module(3, DENSE_FOLDER, "Dense"), module(4, "4_Normalize", "Normalize")] : []),
			],
		],
		["sentence_bert_config.json", { max_seq_length: maxSeqLength, do_lower_case: false }],
		[
			"config_sentence_transformers.json",
			{ prompts: base.prompts, default_prompt_name: base.defaultPromptName ?? null, similarity_fn_name: "cosine" },
		],
		[
			join("1_Pooling", "config.json"),
			{
				word_embedding_dimension: base.hiddenSize,
				pooling_mode_cls_token: pooling === "cls",
				pooling_mode_mean_tokens: pooling === "mean",
				pooling_mode_max_tokens: false,
				pooling_mode_mean_sqrt_len_tokens: false,
				pooling_mode_lasttoken: pooling === "lasttoken",
			},
		],
	];
}

/** Writes a whole adapter folder into `folder`. Publishing it in one piece is the artifact store's work. */
export function writeAdapterFolder(folder: string, options: WriteAdapterOptions): AdapterManifest {
	mkdirSync(join(folder, "1_Pooling"), { recursive: true });
	const writeJson = (name: string, value: unknown) => writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
	const weights = encodeSafetensors(
		Object.fromEntries(
			options.modules.flatMap(({ path, a, b, r, inFeatures, outFeatures }) => [
				[`base_model.model.${path}.lora_A.weight`, float32Tensor(a, [r, inFeatures])],
				[`base_model.model.${path}.lora_B.weight`, float32Tensor(b, [outFeatures, r])],
			]),
		),
	);
	const denseHash = options.dense && writeDense(folder, options.dense);
	const manifest = manifestOf(options, createHash("sha256").update(weights).digest("hex"), denseHash);
	writeFileSync(join(folder, WEIGHTS_FILE), weights);
	writeJson(CONFIG_FILE, adapterConfig(options));
	for (const [name, value] of sentenceTransformersFiles({ ...options, dense: options.dense !== undefined })) writeJson(name, value);
	writeJson(MANIFEST_FILE, manifest);
	writeFileSync(join(folder, "README.md"), modelCard(manifest, options.data));
	return manifest;
}

function manifestOf(options: WriteAdapterOptions, weightsHash: string, denseHash: string | undefined): AdapterManifest {
	return {
		format: 1,
		name: options.name,
		base_model: options.base.ref,
		base_fingerprint: options.base.fingerprint,
		tokenizer_hash: options.tokenizerHash,
		data_hash: options.dataHash,
		weights_hash: weightsHash,
		...(denseHash === undefined ? {} : { dense_hash: denseHash }),
		quantization: options.quantization,
		pooling: options.pooling,
		max_length: options.maxLength,
		...(options.jobId === undefined ? {} : { job_id: options.jobId }),
		...(options.traceparent === undefined ? {} : { traceparent: options.traceparent }),
		created_at: new Date().toISOString(),
		tool_version: TOOL_VERSION,
		settings: options.settings,
		metrics: options.metrics,
		verdict: options.verdict,
		canaries: options.canaries,
	};
}
