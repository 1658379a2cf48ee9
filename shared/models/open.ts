/** Opens a base model's folder: configuration checked, every tensor that its shape calls for present. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DakError, parseOrThrow } from "../errors/index.js";
import { openSafetensors, type SafetensorsFile } from "../safetensors/index.js";
import type { BaseModel, EncoderConfig, ModelFolder, Pooling } from "./types.js";

const count = z.int().min(1).max(1_000_000);

const bertConfig = z.object({
	model_type: z.literal("bert"),
	hidden_act: z.literal("gelu"),
	hidden_size: count.max(16384),
	num_hidden_layers: count.max(256),
	num_attention_heads: count.max(256),
	intermediate_size: count.max(131072),
	vocab_size: count.max(4_000_000),
	max_position_embeddings: count,
	type_vocab_size: count.max(64),
	layer_norm_eps: z.number().positive().max(0.1).default(1e-12),
	pad_token_id: z.int().min(0).nullish(),
	position_embedding_type: z.literal("absolute").optional(),
});

function readJson(folder: string, name: string): unknown {
	try {
		return JSON.parse(readFileSync(join(folder, name), "utf8"));
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${folder}: ${name} cannot be read as JSON`, { cause });
	}
}

const readOptional = (folder: string, name: string): unknown => (existsSync(join(folder, name)) ? readJson(folder, name) : undefined);

function encoderConfig(folder: string): EncoderConfig {
	const c = parseOrThrow(bertConfig, readJson(folder, "config.json"), "INVALID_MODEL");
	if (c.hidden_size % c.num_attention_heads !== 0)
		throw new DakError(
			"INVALID_MODEL",
			`config.json: hidden_size ${c.hidden_size} is no multiple of num_attention_heads ${c.num_attention_heads}`,
		);
	return {
		architecture: "bert",
		hiddenSize: c.hidden_size,
		layers: c.num_hidden_layers,
		heads: c.num_attention_heads,
		intermediateSize: c.intermediate_size,
		vocabSize: c.vocab_size,
		maxPositions: c.max_position_embeddings,
		typeVocabSize: c.type_vocab_size,
		layerNormEps: c.layer_norm_eps,
		activation: "gelu",
		padTokenId: c.pad_token_id ?? 0,
	};
}

function poolingOf(folder: string): Pooling {
	const config = readOptional(folder, join("1_Pooling", "config.json")) as Record<string, unknown> | undefined;
	if (!config || config.pooling_mode_mean_tokens === true || config.pooling_mode === "mean") return "mean";
	if (config.pooling_mode_cls_token === true || config.pooling_mode === "cls") return "cls";
	throw new DakError("INVALID_MODEL", "1_Pooling/config.json: this pooling is not supported; allowed: mean, cls");
}

/** The encoder's linear layers, in order. */
export function linearLayers(
	config: EncoderConfig,
): { readonly path: string; readonly inFeatures: number; readonly outFeatures: number }[] {
	const { hiddenSize: d, intermediateSize: wide } = config;
	return Array.from({ length: config.layers }, (_, i) => `encoder.layer.${i}`).flatMap((layer) => [
		...["query", "key", "value"].map((name) => ({ path: `${layer}.attention.self.${name}`, inFeatures: d, outFeatures: d })),
		{ path: `${layer}.attention.output.dense`, inFeatures: d, outFeatures: d },
		{ path: `${layer}.intermediate.dense`, inFeatures: d, outFeatures: wide },
		{ path: `${layer}.output.dense`, inFeatures: wide, outFeatures: d },
	]);
}

function expectedShapes(c: EncoderConfig): Map<string, readonly number[]> {
	const norm = (path: string): [string, number[]][] => [
		[`${path}.weight`, [c.hiddenSize]],
		[`${path}.bias`, [c.hiddenSize]],
	];
	return new Map<string, readonly number[]>([
		["embeddings.word_embeddings.weight", [c.vocabSize, c.hiddenSize]],
		["embeddings.position_embeddings.weight", [c.maxPositions, c.hiddenSize]],
		["embeddings.token_type_embeddings.weight", [c.typeVocabSize, c.hiddenSize]],
		...norm("embeddings.LayerNorm"),
		...linearLayers(c).flatMap(({ path, inFeatures, outFeatures }): [string, number[]][] => [
			[`${path}.weight`, [outFeatures, inFeatures]],
			[`${path}.bias`, [outFeatures]],
		]),
		...Array.from({ length: c.layers }, (_, i) => [
			...norm(`encoder.layer.${i}.attention.output.LayerNorm`),
			...norm(`encoder.layer.${i}.output.LayerNorm`),
		]).flat(),
	]);
}

/** A view of a weights file under names without their prefix. */
function withoutPrefix(file: SafetensorsFile): SafetensorsFile {
	const known = "embeddings.word_embeddings.weight";
	const full = [...file.tensors.keys()].find((name) => name.endsWith(known));
	const prefix = full?.slice(0, -known.length) ?? "";
	if (prefix === "") return file;
	const tensors = new Map([...file.tensors].map(([name, info]) => [name.startsWith(prefix) ? name.slice(prefix.length) : name, info]));
	return {
		metadata: file.metadata,
		tensors,
		bytes: (name) => file.bytes(prefix + name),
		float32: (name) => file.float32(prefix + name),
		close: () => file.close(),
	};
}

function checkTensors(folder: string, file: SafetensorsFile, config: EncoderConfig): void {
	for (const [name, shape] of expectedShapes(config)) {
		const found = file.tensors.get(name)?.shape;
		if (!found) throw new DakError("INVALID_MODEL", `${folder}/model.safetensors: tensor ${name} is missing; expected [${shape}]`);
		if (String(found) !== String(shape))
			throw new DakError("INVALID_MODEL", `${folder}/model.safetensors: tensor ${name} is [${found}], config.json calls for [${shape}]`);
	}
}

/** SHA-256 over config.json and the weights, read in pieces. */
function fingerprintOf(folder: string): string {
	const hash = createHash("sha256");
	const piece = new Uint8Array(1 << 20);
	for (const name of ["config.json", "model.safetensors"]) {
		const descriptor = openSync(join(folder, name), "r");
		try {
			for (let read = readSync(descriptor, piece); read > 0; read = readSync(descriptor, piece)) hash.update(piece.subarray(0, read));
		} finally {
			closeSync(descriptor);
		}
	}
	return `sha256:${hash.digest("hex")}`;
}

/** Opens a base model. Close `weights` when done. @throws INVALID_MODEL naming file, tensor or field, what was found and what is expected */
export async function openBaseModel(folder: ModelFolder): Promise<BaseModel> {
	const { path } = folder;
	const encoder = encoderConfig(path);
	const modules = (readOptional(path, "modules.json") ?? []) as { type?: string }[];
	const sentence = (readOptional(path, "sentence_bert_config.json") ?? {}) as { max_seq_length?: number };
	const prompts = (readOptional(path, "config_sentence_transformers.json") ?? {}) as {
		prompts?: Record<string, string>;
		default_prompt_name?: string | null;
	};
	const pooling = poolingOf(path);
	const weights = withoutPrefix(openSafetensors(join(path, "model.safetensors")));
	let fingerprint: string | undefined;
	try {
		checkTensors(path, weights, encoder);
		return {
			folder,
			encoder,
			pooling,
			normalize: modules.some((module) => module.type?.endsWith("Normalize") === true),
			maxSeqLength: Math.min(sentence.max_seq_length ?? encoder.maxPositions, encoder.maxPositions),
			prompts: prompts.prompts ?? {},
			defaultPromptName: prompts.default_prompt_name ?? undefined,
			// Reading all weights takes a while, and who only checks a folder needs it not.
			get fingerprint() {
				fingerprint ??= fingerprintOf(path);
				return fingerprint;
			},
			weights,
		};
	} catch (error) {
		weights.close();
		throw error;
	}
}
