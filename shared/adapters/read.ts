/** Reads PEFT's adapter folders. What it does not understand it refuses: an adapter that is half applied is a wrong answer. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DakError, parseOrThrow } from "../errors/index.js";
import { openSafetensors, type SafetensorsFile } from "../safetensors/index.js";
import { manifestSchema } from "./manifest.js";
import type { Adapter, AdapterManifest, LoraModule } from "./types.js";

export const CONFIG_FILE = "adapter_config.json";
export const WEIGHTS_FILE = "adapter_model.safetensors";
export const MANIFEST_FILE = "manifest.json";

/** PEFT writes many more keys; those that change the mathematics must have the value that we apply. */
const configSchema = z.object({
	peft_type: z.literal("LORA"),
	r: z.int().min(1),
	lora_alpha: z.number().positive(),
	use_rslora: z.boolean().nullish(),
	use_dora: z.literal(false).nullish(),
	bias: z.literal("none").nullish(),
	fan_in_fan_out: z.literal(false).nullish(),
	lora_bias: z.literal(false).nullish(),
	modules_to_save: z.array(z.string()).max(0).nullish(),
	rank_pattern: z
		.record(z.string(), z.number())
		.refine((pattern) => Object.keys(pattern).length === 0, "a rank by layer is not supported; allowed: {}")
		.nullish(),
	alpha_pattern: z
		.record(z.string(), z.number())
		.refine((pattern) => Object.keys(pattern).length === 0, "an alpha by layer is not supported; allowed: {}")
		.nullish(),
});

export interface ReadAdapterOptions {
	readonly name: string;
	/** Highest rank taken. */
	readonly maxRank: number;
}

function readJson(path: string): unknown {
	try {
		return JSON.parse(readFileSync(path, "utf8"));
	} catch (cause) {
		throw new DakError("ADAPTER_INCOMPATIBLE", `${path}: cannot be read as JSON`, { cause });
	}
}

/** Reads an adapter. @throws ADAPTER_INCOMPATIBLE naming file, tensor or key, what was found and what is allowed */
export function readAdapter(folder: string, { name, maxRank }: ReadAdapterOptions): Adapter {
	const config = parseOrThrow(configSchema, readJson(join(folder, CONFIG_FILE)), "ADAPTER_INCOMPATIBLE");
	if (config.r > maxRank)
		throw new DakError("ADAPTER_INCOMPATIBLE", `${CONFIG_FILE}: rank ${config.r} exceeds the highest allowed, ${maxRank}`);
	const weights = join(folder, WEIGHTS_FILE);
	if (!existsSync(weights))
		throw new DakError("ADAPTER_INCOMPATIBLE", `${folder}: no ${WEIGHTS_FILE}; pickled weights (adapter_model.bin) are never read`);
	const bytes = readFileSync(weights);
	const modules = readModules(weights, config.r);
	return {
		name,
		r: config.r,
		scale: config.lora_alpha / (config.use_rslora ? Math.sqrt(config.r) : config.r),
		modules,
		manifest: readManifest(folder),
		weightsHash: createHash("sha256").update(bytes).digest("hex"),
		bytes: modules.reduce((sum, module) => sum + module.a.byteLength + module.b.byteLength, 0),
	};
}

/** A folder's manifest; undefined where PEFT wrote it by itself. @throws ADAPTER_INCOMPATIBLE for one that is not understood */
export function readManifest(folder: string): AdapterManifest | undefined {
	const path = join(folder, MANIFEST_FILE);
	return existsSync(path) ? (parseOrThrow(manifestSchema, readJson(path), "ADAPTER_INCOMPATIBLE") as AdapterManifest) : undefined;
}

const KEY = /^(?:base_model\.model\.)?(?<path>.+)\.lora_(?<side>[AB])(?:\.default)?\.weight$/;

function readModules(path: string, r: number): LoraModule[] {
	const file = openAsAdapter(path);
	try {
		const sides = new Map<string, { A?: string; B?: string }>();
		for (const key of file.tensors.keys()) {
			const match = KEY.exec(key)?.groups;
			if (!match) throw new DakError("ADAPTER_INCOMPATIBLE", `${WEIGHTS_FILE}: tensor ${key} is no LoRA factor`);
			// Behind the pooler nothing reaches a sentence vector that is pooled from token states.
			if (match.path!.startsWith("pooler.")) continue;
			const pair = sides.get(match.path!) ?? {};
			pair[match.side as "A" | "B"] = key;
			sides.set(match.path!, pair);
		}
		if (sides.size === 0) throw new DakError("ADAPTER_INCOMPATIBLE", `${WEIGHTS_FILE}: holds no LoRA factors`);
		return [...sides].map(([layer, { A, B }]) => readModule(file, layer, A, B, r));
	} finally {
		file.close();
	}
}

function openAsAdapter(path: string): SafetensorsFile {
	try {
		return openSafetensors(path);
	} catch (cause) {
		throw new DakError("ADAPTER_INCOMPATIBLE", (cause as Error).message, { cause });
	}
}

function readModule(file: SafetensorsFile, path: string, keyA: string | undefined, keyB: string | undefined, r: number): LoraModule {
	if (!keyA || !keyB) throw new DakError("ADAPTER_INCOMPATIBLE", `${WEIGHTS_FILE}: layer ${path} has only ${keyA ? "lora_A" : "lora_B"}`);
	const [shapeA, shapeB] = [file.tensors.get(keyA)!.shape, file.tensors.get(keyB)!.shape];
	if (shapeA.length !== 2 || shapeB.length !== 2 || shapeA[0] !== r || shapeB[1] !== r) {
		throw new DakError(
			"ADAPTER_INCOMPATIBLE",
			`${WEIGHTS_FILE}: layer ${path}: lora_A [${shapeA}] and lora_B [${shapeB}], ${CONFIG_FILE} calls for rank ${r}`,
		);
	}
	const [a, b] = [file.float32(keyA), file.float32(keyB)];
	if (!a.every(Number.isFinite) || !b.every(Number.isFinite))
		throw new DakError("ADAPTER_INCOMPATIBLE", `${WEIGHTS_FILE}: layer ${path} holds values that are not finite`);
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
		throw new DakError(
			"ADAPTER_INCOMPATIBLE",
			`adapter ${adapter.name} was made for base ${made} (${adapter.manifest?.base_model}), this service holds ${base.fingerprint}`,
		);
	}
	for (const { path, inFeatures, outFeatures } of adapter.modules) {
		const layer = base.layers.get(path);
		if (!layer) throw new DakError("ADAPTER_INCOMPATIBLE", `adapter ${adapter.name}: the base has no layer ${path}`);
		if (layer.inFeatures !== inFeatures || layer.outFeatures !== outFeatures) {
			throw new DakError(
				"ADAPTER_INCOMPATIBLE",
				`adapter ${adapter.name}: layer ${path} is ${inFeatures} → ${outFeatures}, the base's ${layer.inFeatures} → ${layer.outFeatures}`,
			);
		}
	}
}
