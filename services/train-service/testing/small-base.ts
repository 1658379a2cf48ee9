/** A base model that trains in milliseconds: two layers with weights of chance, and a tokenizer of whole words. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { linearLayers } from "@dak/shared/models";
import { Random } from "@dak/shared/nn";
import { float32Tensor, type TensorData, writeSafetensors } from "@dak/shared/safetensors";

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const COLOURS = ["red", "blue", "green", "black", "white", "grey"];
const STUFFS = ["wool", "cotton", "leather", "linen", "silk"];
const THINGS = ["hat", "shirt", "coat", "boots", "scarf", "gloves"];
const WORDS = [...SPECIAL, ...COLOURS, ...STUFFS, ...THINGS, "with", "and", "for", "rain", "winter"];

/** Texts of its words, all different. */
export const SMALL_TEXTS: readonly string[] = COLOURS.flatMap((colour, i) =>
	THINGS.map((thing, j) => `${colour} ${STUFFS[(i + j) % STUFFS.length]} ${thing} for ${j % 2 === 0 ? "rain and winter" : "winter"}`),
);

const CONFIG = {
	model_type: "bert",
	hidden_act: "gelu",
	hidden_size: 32,
	num_hidden_layers: 2,
	num_attention_heads: 4,
	intermediate_size: 64,
	vocab_size: WORDS.length,
	max_position_embeddings: 32,
	type_vocab_size: 2,
	layer_norm_eps: 1e-12,
	pad_token_id: 0,
};

function tensors(): Record<string, TensorData> {
	const { hidden_size: d, intermediate_size, num_hidden_layers: layers } = CONFIG;
	const chance = (name: string, shape: readonly number[], std: number): [string, TensorData] => {
		const random = Random.for(1, name);
		const values = Float32Array.from({ length: shape.reduce((n, size) => n * size, 1) }, () => std * random.normal());
		return [name, float32Tensor(values, shape)];
	};
	const norm = (path: string): [string, TensorData][] => [
		[`${path}.weight`, float32Tensor(new Float32Array(d).fill(1), [d])],
		[`${path}.bias`, float32Tensor(new Float32Array(d), [d])],
	];
	const linear = linearLayers({ architecture: "bert", hiddenSize: d, intermediateSize: intermediate_size, layers } as never);
	return Object.fromEntries([
		chance("embeddings.word_embeddings.weight", [CONFIG.vocab_size, d], 0.5),
		chance("embeddings.position_embeddings.weight", [CONFIG.max_position_embeddings, d], 0.1),
		chance("embeddings.token_type_embeddings.weight", [CONFIG.type_vocab_size, d], 0.1),
		...norm("embeddings.LayerNorm"),
		...linear.flatMap(({ path, inFeatures, outFeatures }) => [
			chance(`${path}.weight`, [outFeatures, inFeatures], 0.2),
			chance(`${path}.bias`, [outFeatures], 0.02),
		]),
		...Array.from({ length: layers }, (_, i) => `encoder.layer.${i}`).flatMap((layer) => [
			...norm(`${layer}.attention.output.LayerNorm`),
			...norm(`${layer}.output.LayerNorm`),
		]),
	]);
}

function tokenizer() {
	const vocab = Object.fromEntries(WORDS.map((word, id) => [word, id]));
	const special = (content: string) => ({ SpecialToken: { id: content, type_id: 0 } });
	const template = [special("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, special("[SEP]")];
	const named = (content: string) => [content, { id: content, ids: [vocab[content]], tokens: [content] }];
	return {
		version: "1.0",
		added_tokens: SPECIAL.map((content, id) => ({
			id,
			content,
			special: true,
			single_word: false,
			lstrip: false,
			rstrip: false,
			normalized: false,
		})),
		normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
		pre_tokenizer: { type: "BertPreTokenizer" },
		post_processor: {
			type: "TemplateProcessing",
			single: template,
			pair: template,
			special_tokens: Object.fromEntries(["[CLS]", "[SEP]"].map(named)),
		},
		decoder: { type: "WordPiece", prefix: "##", cleanup: true },
		model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab },
	};
}

/** @returns the folder */
export function writeSmallBase(folder: string): string {
	mkdirSync(folder, { recursive: true });
	writeSafetensors(join(folder, "model.safetensors"), tensors());
	const files = {
		"config.json": CONFIG,
		"tokenizer.json": tokenizer(),
		"tokenizer_config.json": { tokenizer_class: "BertTokenizer", unk_token: "[UNK]", model_max_length: 32 },
		"1_Pooling/config.json": { pooling_mode_mean_tokens: true, pooling_mode_cls_token: false },
	};
	for (const [name, value] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), JSON.stringify(value));
	}
	return folder;
}
