/** The tiny models of tests/fixtures/architectures: folders as the hub has them, their weights made from their names. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { float32Tensor, writeSafetensors } from "../../safetensors/index.js";
import { seededParameter } from "./params.js";

const FIXTURES = join(import.meta.dirname, "..", "..", "..", "tests", "fixtures", "architectures");

/** Of each architecture at least one. */
export const FIXTURE_MODELS: readonly string[] = readdirSync(FIXTURES).sort();

export interface GoldenTensor {
	readonly norm: number;
	readonly at: readonly number[];
	readonly values: readonly number[];
}

/** What make_architectures.py found. */
export interface ArchitectureGolden {
	readonly pooling: "mean" | "cls" | "lasttoken";
	/** Before the names of the tensors in the model's file. */
	readonly prefix: string;
	readonly lora: { readonly r: number; readonly alpha: number };
	readonly linear_layers: readonly string[];
	/** Shapes by name. */
	readonly weights: Readonly<Record<string, readonly number[]>>;
	readonly texts: readonly string[];
	readonly ids: readonly (readonly number[])[];
	readonly tokens: readonly { readonly text: string; readonly ids: readonly number[]; readonly offsets: readonly number[] }[];
	/** fp32, row-major, base64. @shape [B,D] each */
	readonly vectors: Readonly<Record<"fp32" | "lora" | "nf4" | "nf4_lora", string>>;
	readonly peft: {
		readonly tensors: Readonly<Record<string, readonly number[]>>;
		readonly config: Readonly<Record<string, unknown>> & { readonly target_modules: readonly string[] };
	};
	readonly tsdae?: {
		readonly batch: { readonly noisy: number[][]; readonly clean: number[][] };
		readonly loss: number;
		readonly gradients: Readonly<Record<string, GoldenTensor>>;
	};
}

export const architectureGolden = (name: string): ArchitectureGolden =>
	JSON.parse(readFileSync(join(FIXTURES, name, "golden.json"), "utf8")) as ArchitectureGolden;

/** Bit-equal to make_architectures.py's build(). */
function weightOf(name: string, shape: readonly number[]): Float32Array {
	const count = shape.reduce((n, d) => n * d, 1);
	if (shape.length > 1) return seededParameter(name, count, /embed|relative/.test(name) ? 0.5 : 1.5 / Math.sqrt(shape[1]!));
	const values = seededParameter(name, count, 0.1);
	return /norm/i.test(name) && name.endsWith(".weight") ? values.map((value) => 1 + value) : values;
}

export interface FixtureOptions {
	/** Files that the weights are spread over. Default 1. */
	readonly shards?: number;
}

/** Writes a model's folder. @returns the folder */
export function writeArchitecture(folder: string, name: string, { shards = 1 }: FixtureOptions = {}): string {
	mkdirSync(join(folder, "1_Pooling"), { recursive: true });
	for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json"])
		copyFileSync(join(FIXTURES, name, file), join(folder, file));
	const { prefix, weights, pooling } = architectureGolden(name);
	const tensors = Object.entries(weights).map(([key, shape]) => [prefix + key, float32Tensor(weightOf(key, shape), shape)] as const);
	const flags = { pooling_mode_mean_tokens: "mean", pooling_mode_cls_token: "cls", pooling_mode_lasttoken: "lasttoken" };
	const chosen = Object.fromEntries(Object.entries(flags).map(([flag, value]) => [flag, value === pooling]));
	writeFileSync(join(folder, "1_Pooling", "config.json"), JSON.stringify({ word_embedding_dimension: 64, ...chosen }));
	if (shards === 1) {
		writeSafetensors(join(folder, "model.safetensors"), Object.fromEntries(tensors));
		return folder;
	}
	const shardOf = (i: number) => `model-0000${(i % shards) + 1}-of-0000${shards}.safetensors`;
	for (let shard = 0; shard < shards; shard++)
		writeSafetensors(join(folder, shardOf(shard)), Object.fromEntries(tensors.filter((_, i) => i % shards === shard)));
	const index = { metadata: {}, weight_map: Object.fromEntries(tensors.map(([key], i) => [key, shardOf(i)])) };
	writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
	return folder;
}

/** The factors that the fixtures' vectors have: of a tensor named as in an adapter's file. */
export const factorOf = (key: string, shape: readonly number[]): Float32Array =>
	seededParameter(key.replace(/^base_model\.model\./, "").replace(/\.weight$/, ""), shape[0]! * shape[1]!, 0.05);

/** Writes the adapter as PEFT wrote it. @returns the folder */
export function writePeftAdapter(folder: string, { peft }: ArchitectureGolden): string {
	mkdirSync(folder, { recursive: true });
	const tensors = Object.entries(peft.tensors).map(([key, shape]) => [key, float32Tensor(factorOf(key, shape), shape)] as const);
	writeSafetensors(join(folder, "adapter_model.safetensors"), Object.fromEntries(tensors));
	writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(peft.config));
	return folder;
}

/** A set of vectors. @shape [B,D] */
export const goldenVectors = ({ vectors }: ArchitectureGolden, kind: keyof ArchitectureGolden["vectors"]): Float32Array =>
	new Float32Array(new Uint8Array(Buffer.from(vectors[kind], "base64")).buffer);
