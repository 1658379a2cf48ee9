import { mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBaseModel } from "./index.js";
import { TINY, type TinyModelOptions, writeTinyModel } from "./testing/tiny-model.js";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-models-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (path: string) => ({ ref: "tiny", path, source: "local" }) as const;
async function open(options: TinyModelOptions = {}) {
	const base = await openBaseModel(at(writeTinyModel(join(folder, "tiny"), options)));
	base.weights.close();
	return base;
}

test("a whole folder opens with its shape, pooling, prompts and limit", async () => {
	const base = await open({
		files: {
			"modules.json": ["Transformer", "Pooling", "Normalize"].map((kind) => ({ type: `sentence_transformers.models.${kind}` })),
			"sentence_bert_config.json": { max_seq_length: 512, do_lower_case: false },
			"config_sentence_transformers.json": { prompts: { query: "query: " }, default_prompt_name: "query" },
		},
	});
	expect(base).toMatchObject({ pooling: "mean", normalize: true, prompts: { query: "query: " }, defaultPromptName: "query" });
	expect(base.maxSeqLength).toBe(TINY.max_position_embeddings);
	expect(base.encoder).toMatchObject({ architecture: "bert", hiddenSize: 8, layers: 1, heads: 2, intermediateSize: 16, vocabSize: 12 });
});

test("a bare transformers folder opens with mean pooling and no Normalize", async () => {
	expect(await open()).toMatchObject({ pooling: "mean", normalize: false, maxSeqLength: 16, prompts: {}, defaultPromptName: undefined });
});

test.each([
	["BertForMaskedLM", {}, true],
	["BertForPreTraining", {}, true],
	["BertModel", {}, false],
	["BertForMaskedLM", { "modules.json": [{ type: "sentence_transformers.models.Transformer" }] }, false],
] as const)("%s with the files %j is a plain language model: %j", async (architecture, files, languageModel) => {
	expect(await open({ config: { architectures: [architecture] }, files })).toMatchObject({ languageModel });
});

test.each(["bert.", "model.", "0.auto_model.", "roberta.encoder."])("weights under %s are read by their plain names", async (prefix) => {
	const base = await openBaseModel(at(writeTinyModel(join(folder, "tiny"), { prefix })));
	expect(base.weights.float32("encoder.layer.0.intermediate.dense.bias")).toHaveLength(16);
	base.weights.close();
});

test("both forms of the pooling file are understood", async () => {
	const cls = { "1_Pooling/config.json": { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false } };
	expect((await open({ files: cls })).pooling).toBe("cls");
	expect((await open({ files: { "1_Pooling/config.json": { pooling_mode: "cls" } } })).pooling).toBe("cls");
});

const pooling = (value: unknown): TinyModelOptions => ({ files: { "1_Pooling/config.json": value } });

describe("what cannot be served rightly is refused with what was found and what is allowed", () => {
	test.each<[string, TinyModelOptions, RegExp]>([
		["another architecture", { config: { model_type: "t5" } }, /model_type: found "t5"; allowed: bert, roberta/],
		["another activation", { config: { hidden_act: "relu" } }, /hidden_act.*"gelu".*found "relu"/],
		["relative positions", { config: { position_embedding_type: "relative_key" } }, /position_embedding_type.*found "relative_key"/],
		["a senseless size", { config: { hidden_size: 1e9 } }, /hidden_size/],
		["heads that do not divide", { config: { num_attention_heads: 3 } }, /hidden_size 8 .* num_attention_heads 3/],
		["a padding id beyond the vocabulary", { config: { pad_token_id: 99 } }, /pad_token_id 99, allowed: below vocab_size 12/],
		["broken JSON", { files: { "config.json": "{" } }, /config\.json cannot be read as JSON/],
		["an oversized config", { files: { "config.json": `"${"x".repeat(2 << 20)}"` } }, /allowed: 1048576/],
		["a module list that is none", { files: { "modules.json": {} } }, /modules\.json/],
		["a Dense module", { files: { "modules.json": [{ type: "sentence_transformers.models.Dense" }] } }, /Dense is not supported; allowed/],
		["max pooling", pooling({ pooling_mode_max_tokens: true }), /pooling_mode_max_tokens; allowed: mean or cls/],
		["two poolings", pooling({ pooling_mode_mean_tokens: true, pooling_mode_cls_token: true }), / \+ .*allowed/],
		["no pooling", pooling({ pooling_mode_mean_tokens: false }), /none; allowed/],
		[
			"a missing tensor",
			{ tensors: { "encoder.layer.0.output.dense.bias": null } },
			/encoder\.layer\.0\.output\.dense\.bias is missing.*\[8\]/,
		],
		["a wrong shape", { tensors: { "embeddings.LayerNorm.weight": [9] } }, /embeddings\.LayerNorm\.weight is \[9\].*\[8\]/],
		["more layers than weights", { config: { num_hidden_layers: 2 } }, /encoder\.layer\.1\.\S+ is missing/],
	])("%s", async (_, options, message) => {
		await expect(open(options)).rejects.toMatchObject({ reason: "INVALID_MODEL", message: expect.stringMatching(message) });
	});

	test("weights cut short", async () => {
		const path = writeTinyModel(join(folder, "tiny"));
		truncateSync(join(path, "model.safetensors"), 2000);
		await expect(openBaseModel(at(path))).rejects.toMatchObject({ reason: "INVALID_MODEL" });
	});

	test("an empty folder", async () => {
		await expect(openBaseModel(at(folder))).rejects.toMatchObject({ reason: "INVALID_MODEL" });
	});
});

test("the fingerprint follows the bytes of the configuration and the weights, and nothing else", async () => {
	const first = await open();
	expect(first.fingerprint).toMatch(/^sha256:[0-9a-f]{64}$/);
	utimesSync(join(folder, "tiny", "config.json"), 1, 1);
	writeFileSync(join(folder, "tiny", "README.md"), "changed");
	expect((await openBaseModel(at(join(folder, "tiny")))).fingerprint).toBe(first.fingerprint);
	expect((await open({ config: { _name: "x" } })).fingerprint).not.toBe(first.fingerprint);
	expect((await open({ prefix: "bert." })).fingerprint).not.toBe(first.fingerprint);
	expect((await open()).fingerprint).toBe(first.fingerprint);
});
