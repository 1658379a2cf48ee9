/** The JSON files of a base model's folder, checked: strangers write them. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DakError, parseOrThrow } from "../errors/index.js";
import { architectureOf } from "./architectures/index.js";
import { type EncoderConfig, POOLINGS, type Pooling } from "./types.js";

const MAX_JSON_BYTES = 1 << 20;
const count = z.int().min(1).max(1_000_000);

/** sentence-transformers writes module types with their Python path. */
const SUPPORTED_MODULES = ["Transformer", "Pooling", "Normalize"];
const moduleList = z.array(z.object({ type: z.string(), path: z.string().default("") })).max(32);
const sentenceConfig = z.object({ max_seq_length: count.nullish() });
const promptConfig = z.object({
	prompts: z.record(z.string(), z.string().max(10_000)).default({}),
	default_prompt_name: z.string().nullish(),
});
const poolingConfig = z.record(z.string(), z.unknown());

function readJson<S extends z.ZodType>(folder: string, name: string, schema: S): z.output<S> {
	const path = join(folder, name);
	let value: unknown;
	try {
		const { size } = statSync(path);
		if (size > MAX_JSON_BYTES) throw new Error(`${size} bytes, allowed: ${MAX_JSON_BYTES}`);
		value = JSON.parse(readFileSync(path, "utf8"));
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${name} cannot be read as JSON: ${(cause as Error).message}`, { cause });
	}
	try {
		return parseOrThrow(schema, value, "INVALID_MODEL");
	} catch (error) {
		const { message, fields } = error as DakError;
		throw new DakError("INVALID_MODEL", `${name}: ${message}`, { fields, cause: error });
	}
}

const readOptional = <S extends z.ZodType>(folder: string, name: string, schema: S): z.output<S> | undefined =>
	existsSync(join(folder, name)) ? readJson(folder, name, schema) : undefined;

/** @throws INVALID_MODEL naming the field, what was found and what is supported */
export function readEncoderConfig(folder: string): EncoderConfig {
	const { model_type: modelType } = readJson(folder, "config.json", z.object({ model_type: z.string().max(100) }));
	const row = architectureOf(modelType);
	const config = row.encoder(readJson(folder, "config.json", row.schema));
	const refuse = (problem: string): never => {
		throw new DakError("INVALID_MODEL", `config.json: ${problem}`);
	};
	const { hiddenSize, heads, kvHeads = heads, headSize, padTokenId, vocabSize, maxPositions, localAttention, layers } = config;
	if (headSize === undefined && hiddenSize % heads !== 0)
		refuse(`hidden_size ${hiddenSize} is no multiple of num_attention_heads ${heads}`);
	if (heads % kvHeads !== 0) refuse(`num_attention_heads ${heads} is no multiple of num_key_value_heads ${kvHeads}`);
	if (config.rotary && (headSize ?? hiddenSize / heads) % 2 !== 0) refuse(`rotary positions need an even size of heads`);
	if (padTokenId >= vocabSize) refuse(`pad_token_id ${padTokenId}, allowed: below vocab_size ${vocabSize}`);
	if (maxPositions < 1) refuse("max_position_embeddings leaves no position behind the padding id's");
	if (localAttention && localAttention.layers.length !== layers) refuse(`layer_types has not one entry for each of ${layers} layers`);
	return config;
}

export interface SentenceConfig {
	readonly pooling: Pooling;
	readonly normalize: boolean;
	readonly maxSeqLength: number | undefined;
	readonly prompts: Readonly<Record<string, string>>;
	readonly defaultPromptName: string | undefined;
	readonly languageModel: boolean;
}

/** BertForMaskedLM, BertForPreTraining, Qwen3ForCausalLM … */
const LANGUAGE_MODEL = /(?:ForMaskedLM|ForPreTraining|ForCausalLM|LMHeadModel)$/;
const architectures = z.object({ architectures: z.array(z.string().max(100)).max(16).nullish() });

/** What sentence-transformers' files add; without them: mean pooling, as that library has it. @throws INVALID_MODEL for a module or pooling that is not supported */
export function readSentenceConfig(folder: string): SentenceConfig {
	const listed = readOptional(folder, "modules.json", moduleList);
	const modules = listed ?? [];
	const kinds = modules.map(({ type }) => type.split(".").at(-1) ?? "");
	const unsupported = kinds.find((kind) => !SUPPORTED_MODULES.includes(kind));
	if (unsupported !== undefined)
		throw new DakError("INVALID_MODEL", `modules.json: module ${unsupported} is not supported; allowed: ${SUPPORTED_MODULES.join(", ")}`);
	const { prompts, default_prompt_name: defaultName } = readOptional(folder, "config_sentence_transformers.json", promptConfig) ?? {
		prompts: {},
	};
	return {
		pooling: readPooling(folder),
		normalize: kinds.includes("Normalize"),
		maxSeqLength: readOptional(folder, "sentence_bert_config.json", sentenceConfig)?.max_seq_length ?? undefined,
		prompts,
		defaultPromptName: defaultName ?? undefined,
		languageModel:
			!listed && (readJson(folder, "config.json", architectures).architectures ?? []).some((name) => LANGUAGE_MODEL.test(name)),
	};
}

const MODES: Readonly<Record<string, Pooling>> = {
	pooling_mode_mean_tokens: "mean",
	pooling_mode_cls_token: "cls",
	pooling_mode_lasttoken: "lasttoken",
	...Object.fromEntries(POOLINGS.map((pooling) => [pooling, pooling])),
};

function readPooling(folder: string): Pooling {
	const config = readOptional(folder, join("1_Pooling", "config.json"), poolingConfig);
	if (!config) return "mean";
	const flags = Object.keys(config).filter((key) => key.startsWith("pooling_mode_") && config[key] === true);
	const modes = typeof config.pooling_mode === "string" ? [config.pooling_mode] : flags;
	const pooling = modes.length === 1 ? MODES[modes[0]!] : undefined;
	if (pooling) return pooling;
	throw new DakError(
		"INVALID_MODEL",
		`1_Pooling/config.json: found the pooling ${modes.join(" + ") || "none"}; allowed: ${POOLINGS.join(" or ")} alone`,
	);
}
