/** The tiny models of tests/fixtures/architectures: folders as the hub has them, their weights made from their names. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { float32Tensor, writeSafetensors } from "../../safetensors/index.js";
import { seededParameter } from "./params.js";

const FIXTURES = join(import.meta.dirname, "..", "..", "..", "tests", "fixtures", "architectures");
/** Of each architecture at least one. */
export const FIXTURE_MODELS = readdirSync(FIXTURES).sort();
export const architectureGolden = (name) => JSON.parse(readFileSync(join(FIXTURES, name, "golden.json"), "utf8"));
/** Bit-equal to make_architectures.py's build(). */
function weightOf(name, shape) {
	const count = shape.reduce((n, d) => n * d, 1);
	if (shape.length > 1) return seededParameter(name, count, /embed|relative/.test(name) ? 0.5 : 1.5 / Math.sqrt(shape[1]));
	const values = seededParameter(name, count, 0.1);
	return /norm/i.test(name) && name.endsWith(".weight") ? values.map((value) => 1 + value) : values;
}
/** Writes a model's folder. @returns the folder */
export function writeArchitecture(folder, name, { shards = 1 } = {}) {
	mkdirSync(join(folder, "1_Pooling"), { recursive: true });
	for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json"])
		copyFileSync(join(FIXTURES, name, file), join(folder, file));
	const { prefix, weights, pooling } = architectureGolden(name);
	const tensors = Object.entries(weights).map(([key, shape]) => [prefix + key, float32Tensor(weightOf(key, shape), shape)]);
	const flags = { pooling_mode_mean_tokens: "mean", pooling_mode_cls_token: "cls", pooling_mode_lasttoken: "lasttoken" };
	const chosen = Object.fromEntries(Object.entries(flags).map(([flag, value]) => [flag, value === pooling]));
	writeFileSync(join(folder, "1_Pooling", "config.json"), JSON.stringify({ word_embedding_dimension: 64, ...chosen }));
	if (shards === 1) {
		writeSafetensors(join(folder, "model.safetensors"), Object.fromEntries(tensors));
		return folder;
	}
	const shardOf = (i) => `model-0000${(i % shards) + 1}-of-0000${shards}.safetensors`;
	for (let shard = 0; shard < shards; shard++)
		writeSafetensors(join(folder, shardOf(shard)), Object.fromEntries(tensors.filter((_, i) => i % shards === shard)));
	const index = { metadata: {}, weight_map: Object.fromEntries(tensors.map(([key], i) => [key, shardOf(i)])) };
	writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
	return folder;
}
/** The factors that the fixtures' vectors have: of a tensor named as in an adapter's file. */
export const factorOf = (key, shape) =>
	seededParameter(key.replace(/^base_model\.model\./, "").replace(/\.weight$/, ""), shape[0] * shape[1], 0.05);
/** Writes the adapter as PEFT wrote it. @returns the folder */
export function writePeftAdapter(folder, { peft }) {
	mkdirSync(folder, { recursive: true });
	const tensors = Object.entries(peft.tensors).map(([key, shape]) => [key, float32Tensor(factorOf(key, shape), shape)]);
	writeSafetensors(join(folder, "adapter_model.safetensors"), Object.fromEntries(tensors));
	writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(peft.config));
	return folder;
}
/** A set of vectors. @shape [B,D] */
export const goldenVectors = ({ vectors }, kind) => new Float32Array(new Uint8Array(Buffer.from(vectors[kind], "base64")).buffer);
//# sourceMappingURL=architecture.js.map
