/** Opens a base model's folder: configuration checked, every tensor that its shape calls for present. */
import { join } from "node:path";
import { DakError } from "../errors/index.js";
import { openSafetensors, type SafetensorsFile } from "../safetensors/index.js";
import { readEncoderConfig, readSentenceConfig } from "./config-files.js";
import { WEIGHTS } from "./files.js";
import { fingerprintOf } from "./fingerprint.js";
import type { BaseModel, EncoderConfig, ModelFolder } from "./types.js";

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

/** A view of a weights file under names without their prefix: `bert.`, `model.`, `0.auto_model.` as other programs write them. */
function withoutPrefix(file: SafetensorsFile): SafetensorsFile {
	const known = "embeddings.word_embeddings.weight";
	const full = [...file.tensors.keys()].find((name) => name === known || name.endsWith(`.${known}`));
	const prefix = full?.slice(0, -known.length) ?? "";
	if (prefix === "") return file;
	const own = [...file.tensors].filter(([name]) => name.startsWith(prefix));
	return {
		metadata: file.metadata,
		tensors: new Map(own.map(([name, info]) => [name.slice(prefix.length), info])),
		bytes: (name) => file.bytes(prefix + name),
		float32: (name) => file.float32(prefix + name),
		rows: (name, rows) => file.rows(prefix + name, rows),
		close: () => file.close(),
	};
}

const FLOATS: readonly string[] = ["F32", "F16", "BF16"];

function checkTensors(file: SafetensorsFile, config: EncoderConfig): void {
	for (const [name, shape] of expectedShapes(config)) {
		const found = file.tensors.get(name);
		if (!found) throw new DakError("INVALID_MODEL", `${WEIGHTS}: tensor ${name} is missing; expected: [${shape}]`);
		if (String(found.shape) !== String(shape))
			throw new DakError("INVALID_MODEL", `${WEIGHTS}: tensor ${name} is [${found.shape}], config.json calls for [${shape}]`);
		if (!FLOATS.includes(found.dtype))
			throw new DakError("INVALID_MODEL", `${WEIGHTS}: tensor ${name} has the dtype ${found.dtype}, allowed: ${FLOATS.join(", ")}`);
	}
}

/**
 * Opens a base model. Close `weights` when done.
 * @throws INVALID_MODEL naming file, tensor or field, what was found and what is expected
 */
export async function openBaseModel(folder: ModelFolder): Promise<BaseModel> {
	const { path } = folder;
	const encoder = readEncoderConfig(path);
	const { maxSeqLength = encoder.maxPositions, ...sentence } = readSentenceConfig(path);
	const weights = withoutPrefix(openSafetensors(join(path, WEIGHTS)));
	try {
		checkTensors(weights, encoder);
		const fingerprint = await fingerprintOf(path);
		return { folder, encoder, ...sentence, maxSeqLength: Math.min(maxSeqLength, encoder.maxPositions), fingerprint, weights };
	} catch (error) {
		weights.close();
		throw error;
	}
}
