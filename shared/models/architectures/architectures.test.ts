/** What of an architecture's config.json is read, and what is refused with the field and what is allowed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FIXTURE_MODELS, writeArchitecture } from "../../nn/testing/architecture.js";
import { openBaseModel } from "../index.js";

const root = mkdtempSync(join(tmpdir(), "dak-architectures-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Opens a tiny model, its configuration changed. */
async function open(name: string, change: Readonly<Record<string, unknown>> = {}, shards = 1) {
	const folder = writeArchitecture(mkdtempSync(join(root, `${name}-`)), name, { shards });
	const path = join(folder, "config.json");
	writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...change }));
	const base = await openBaseModel({ ref: name, path: folder, source: "local" });
	base.weights.close();
	return base;
}

test.each(FIXTURE_MODELS)("%s opens", async (name) => {
	expect((await open(name)).encoder).toMatchObject({ hiddenSize: 64, heads: 4, maxPositions: 64 });
});

test("CamemBERT is RoBERTa under another name", async () => {
	const { encoder } = await open("xlm-roberta", { model_type: "camembert" });
	expect(encoder).toMatchObject({ architecture: "roberta", positionOffset: 2, padTokenId: 1 });
});

test("earlier configurations of rotary models say the same in other fields", async () => {
	const { encoder: modern } = await open("modernbert", {
		rope_parameters: undefined,
		layer_types: undefined,
		global_rope_theta: 5000,
		local_rope_theta: 300,
		global_attn_every_n_layers: 2,
	});
	expect(modern.rotary).toEqual({ theta: 5000, localTheta: 300 });
	expect(modern.localAttention).toEqual({ reach: 4, layers: [false, true, false, true] });
	const { encoder: qwen } = await open("qwen3", { rope_parameters: undefined, rope_theta: 7000, rope_scaling: null });
	expect(qwen).toMatchObject({ rotary: { theta: 7000 }, kvHeads: 2, headSize: 32, causal: true });
});

test.each<[string, string, Record<string, unknown>, RegExp]>([
	["an unknown activation of RoBERTa", "roberta", { hidden_act: "gelu_new" }, /hidden_act.*"gelu".*found "gelu_new"/],
	["an unknown activation of DistilBERT", "distilbert", { activation: "relu" }, /activation.*found "relu"/],
	["an unknown activation of ModernBERT", "modernbert", { hidden_activation: "silu" }, /hidden_activation.*found "silu"/],
	["an unknown activation of Qwen3", "qwen3", { hidden_act: "gelu" }, /hidden_act.*found "gelu"/],
	["relative positions of RoBERTa", "roberta", { position_embedding_type: "relative_key" }, /position_embedding_type/],
	["another padding id of MPNet", "mpnet", { pad_token_id: 0 }, /pad_token_id/],
	["biases of ModernBERT's attention", "modernbert", { attention_bias: true }, /attention_bias.*found true/],
	["biases of its feed-forward blocks", "modernbert", { mlp_bias: true }, /mlp_bias/],
	["biases of its norms", "modernbert", { norm_bias: true }, /norm_bias/],
	["layer types that do not match", "modernbert", { layer_types: ["full_attention"] }, /layer_types has not one entry/],
	["scaled rotary positions", "qwen3", { rope_scaling: { rope_type: "yarn", factor: 4 } }, /rope_scaling/],
	[
		"the same as later configurations say it",
		"qwen3",
		{ rope_parameters: { rope_type: "yarn", rope_theta: 1e6 } },
		/rope_parameters\/rope_type.*found "yarn"/,
	],
	["windows of Qwen3", "qwen3", { use_sliding_window: true }, /use_sliding_window.*found true/],
	["heads that cannot be shared", "qwen3", { num_key_value_heads: 3 }, /4 is no multiple of num_key_value_heads 3/],
	["another size of heads than the weights'", "qwen3", { head_dim: 16 }, /is \[\d+(?:,64)?\], config\.json calls for \[\d+(?:,64)?\]/],
])("refused: %s", async (_, name, change, message) => {
	await expect(open(name, change)).rejects.toMatchObject({ reason: "INVALID_MODEL", message: expect.stringMatching(message) });
});

test("weights in several files are read as one, and each counts for the fingerprint", async () => {
	const folder = writeArchitecture(join(root, "sharded"), "qwen3", { shards: 3 });
	const base = await openBaseModel({ ref: "q", path: folder, source: "local" });
	const whole = await openBaseModel({ ref: "q", path: writeArchitecture(join(root, "whole"), "qwen3"), source: "local" });
	for (const name of ["embed_tokens.weight", "layers.1.mlp.down_proj.weight", "norm.weight"])
		expect(base.weights.float32(name)).toEqual(whole.weights.float32(name));
	expect(base.weights.rows("embed_tokens.weight", [3, 1])).toEqual(whole.weights.rows("embed_tokens.weight", [3, 1]));
	base.weights.close();
	whole.weights.close();
	const shard = join(folder, "model-00002-of-00003.safetensors");
	const bytes = readFileSync(shard);
	bytes[bytes.length - 1]! ^= 1;
	writeFileSync(shard, bytes);
	const changed = await openBaseModel({ ref: "q", path: folder, source: "local" });
	changed.weights.close();
	expect(changed.fingerprint).not.toBe(base.fingerprint);
});

test.each([
	["no map", {}, /weight_map/],
	["a path outside of the folder", { weight_map: { "norm.weight": "../other.safetensors" } }, /weight_map/],
	["a file that is not there", { weight_map: { "norm.weight": "model-9.safetensors" } }, /model-9\.safetensors/],
	[
		"a tensor where it is not",
		{ weight_map: { "norm.weight": "model-00001-of-00002.safetensors" } },
		/says that model-00001-of-00002\.safetensors holds norm/,
	],
])("an index is refused: %s", async (_, index, message) => {
	const folder = writeArchitecture(mkdtempSync(join(root, "index-")), "qwen3", { shards: 2 });
	writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
	await expect(openBaseModel({ ref: "q", path: folder, source: "local" })).rejects.toMatchObject({
		reason: "INVALID_MODEL",
		message: expect.stringMatching(message),
	});
});
