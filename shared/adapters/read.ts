/** Reads PEFT's adapter folders. What it does not understand it refuses: an adapter that is half applied is a wrong answer. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DakError, parseOrThrow } from "../errors/index.js";
import { openSafetensors, type SafetensorsFile } from "../safetensors/index.js";
import { adapterConfigSchema } from "./config.js";
import { readDense } from "./dense.js";
import { manifestSchema } from "./manifest.js";
import type { Adapter, AdapterManifest, LoraModule } from "./types.js";

export const CONFIG_FILE = "adapter_config.json";
export const WEIGHTS_FILE = "adapter_model.safetensors";
export const MANIFEST_FILE = "manifest.json";

/** Above what any adapter of an encoder takes: rank 256 on all layers of a model with 24 of them and 1,024 features is half of it. */
const MAX_WEIGHTS_BYTES = 2 ** 30;
const MAX_JSON_BYTES = 32 * 2 ** 20;

export interface ReadAdapterOptions {
	readonly name: string;
	/** Highest rank taken. */
	readonly maxRank: number;
}

const refuse = (message: string, cause?: unknown): DakError => new DakError("ADAPTER_INCOMPATIBLE", message, { cause });

/** Size of a regular file, undefined where there is nothing. @throws ADAPTER_INCOMPATIBLE if it is something else, or too large */
function fileBytes(path: string, most: number): number | undefined {
	const stat = statSync(path, { throwIfNoEntry: false });
	if (!stat) return undefined;
	if (!stat.isFile()) throw refuse(`${path}: no regular file`);
	if (stat.size > most) throw refuse(`${path}: ${stat.size} bytes, allowed: ${most}`);
	return stat.size;
}

function readJson(path: string): unknown {
	if (fileBytes(path, MAX_JSON_BYTES) === undefined) throw refuse(`${path}: not there`);
	try {
		return JSON.parse(readFileSync(path, "utf8"));
	} catch (cause) {
		throw refuse(`${path}: cannot be read as JSON`, cause);
	}
}

/** Reads an adapter. @throws ADAPTER_INCOMPATIBLE naming file, tensor or key, what was found and what is allowed */
export function readAdapter(folder: string, { name, maxRank }: ReadAdapterOptions): Adapter {
	const config = parseOrThrow(adapterConfigSchema, readJson(join(folder, CONFIG_FILE)), "ADAPTER_INCOMPATIBLE");
	if (config.r > maxRank) throw refuse(`${CONFIG_FILE}: rank ${config.r} exceeds the highest allowed, ${maxRank}`);
	const weights = join(folder, WEIGHTS_FILE);
	if (fileBytes(weights, MAX_WEIGHTS_BYTES) === undefined)
		throw refuse(`${folder}: no ${WEIGHTS_FILE}; pickled weights (adapter_model.bin) are never read`);
	const modules = readModules(weights, config.r);
	const weightsHash = createHash("sha256").update(readFileSync(weights)).digest("hex");
	const manifest = readManifest(folder);
	if (manifest && manifest.weights_hash !== weightsHash)
		throw refuse(`${WEIGHTS_FILE}: SHA-256 ${weightsHash}, ${MANIFEST_FILE} was written for ${manifest.weights_hash}`);
	const dense = readDense(folder);
	if (manifest && manifest.dense_hash !== dense?.hash)
		throw refuse(`Dense module: SHA-256 ${dense?.hash ?? "of nothing"}, ${MANIFEST_FILE} was written for ${manifest.dense_hash ?? "none"}`);
	return {
		name,
		r: config.r,
		scale: config.lora_alpha / (config.use_rslora ? Math.sqrt(config.r) : config.r),
		modules,
		dense: dense?.dense,
		manifest,
		weightsHash,
		bytes: modules.reduce((sum, module) => sum + module.a.byteLength + module.b.byteLength, dense?.dense.weight.byteLength ?? 0),
	};
}

/** An adapter folder's manifest; undefined for a folder that PEFT wrote by itself. @throws ADAPTER_INCOMPATIBLE */
export function readManifest(folder: string): AdapterManifest | undefined {
	const path = join(folder, MANIFEST_FILE);
	if (fileBytes(path, MAX_JSON_BYTES) === undefined) return undefined;
	return parseOrThrow(manifestSchema, readJson(path), "ADAPTER_INCOMPATIBLE") as AdapterManifest;
}

const KEY = /^(?:base_model\.model\.)?(?<path>.+)\.lora_(?<side>[AB])(?:\.default)?\.weight$/;

function readModules(path: string, r: number): LoraModule[] {
	try {
		const file = openSafetensors(path);
		try {
			return [...pairFactors(file)].map(([layer, pair]) => readModule(file, layer, pair, r));
		} finally {
			file.close();
		}
	} catch (error) {
		// A file that is no safetensors is, from here on, an adapter that cannot be used.
		throw error instanceof DakError ? refuse(error.message, error) : error;
	}
}

interface FactorPair {
	A?: string;
	B?: string;
}

/** Names of each layer's two tensors. */
function pairFactors(file: SafetensorsFile): Map<string, FactorPair> {
	const pairs = new Map<string, FactorPair>();
	for (const key of file.tensors.keys()) {
		const match = KEY.exec(key)?.groups as { path: string; side: "A" | "B" } | undefined;
		if (!match) throw refuse(`${WEIGHTS_FILE}: tensor ${key} is no LoRA factor`);
		const { path, side } = match;
		// Behind the pooler nothing reaches a sentence vector that is pooled from token states.
		if (path.startsWith("pooler.")) continue;
		const pair = pairs.get(path) ?? {};
		if (pair[side]) throw refuse(`${WEIGHTS_FILE}: tensors ${pair[side]} and ${key} are both lora_${side} of layer ${path}`);
		pair[side] = key;
		pairs.set(path, pair);
	}
	if (pairs.size === 0) throw refuse(`${WEIGHTS_FILE}: holds no LoRA factors`);
	return pairs;
}

function readModule(file: SafetensorsFile, path: string, { A: keyA, B: keyB }: FactorPair, r: number): LoraModule {
	if (!keyA || !keyB) throw refuse(`${WEIGHTS_FILE}: layer ${path} has only ${keyA ? "lora_A" : "lora_B"}`);
	const [shapeA, shapeB] = [file.tensors.get(keyA)!.shape, file.tensors.get(keyB)!.shape];
	if (shapeA.length !== 2 || shapeB.length !== 2 || shapeA[0] !== r || shapeB[1] !== r) {
		throw refuse(`${WEIGHTS_FILE}: layer ${path}: lora_A [${shapeA}] and lora_B [${shapeB}], ${CONFIG_FILE} calls for rank ${r}`);
	}
	const [a, b] = [file.float32(keyA), file.float32(keyB)];
	if (!a.every(Number.isFinite) || !b.every(Number.isFinite))
		throw refuse(`${WEIGHTS_FILE}: layer ${path} holds values that are not finite`);
	return { path, inFeatures: shapeA[1]!, outFeatures: shapeB[0]!, r, a, b };
}

export interface BaseShape {
	readonly fingerprint: string;
	/** Linear layers by path. */
	readonly layers: ReadonlyMap<string, { readonly inFeatures: number; readonly outFeatures: number }>;
}

/** @throws ADAPTER_INCOMPATIBLE if the adapter was made for another base, or one of its layers does not fit */
export function checkAdapterFits(adapter: Adapter, base: BaseShape): void {
	const made = adapter.manifest?.base_fingerprint;
	if (made !== undefined && made !== base.fingerprint) {
		throw refuse(
			`adapter ${adapter.name} was made for base ${made} (${adapter.manifest?.base_model}), this service holds ${base.fingerprint}`,
		);
	}
	for (const { path, inFeatures, outFeatures } of adapter.modules) {
		const layer = base.layers.get(path);
		if (!layer) throw refuse(`adapter ${adapter.name}: the base has no layer ${path}`);
		if (layer.inFeatures !== inFeatures || layer.outFeatures !== outFeatures) {
			throw refuse(
				`adapter ${adapter.name}: layer ${path} is ${inFeatures} → ${outFeatures}, the base's ${layer.inFeatures} → ${layer.outFeatures}`,
			);
		}
	}
}
