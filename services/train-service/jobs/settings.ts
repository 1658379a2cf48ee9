/** The job as users write it: one schema for REST's JSON, gRPC's JobSpec (same names) and the OpenAPI document. */
import { DakError, type FieldViolation, invalidField, toDakError } from "@dak/shared/errors";
import { type BaseModel, POOLINGS } from "@dak/shared/models";
import { checkExport } from "@dak/shared/nn/export";
import { z } from "zod";
import { ALL_LINEAR, adaptedModules } from "./adapted-modules.js";

export const ADAPTER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;

/** What may be done to a text before the encoder reads it. */
export const NOISE_KINDS = ["delete", "swap", "substitute", "typo", "truncate"] as const;
export type NoiseKind = (typeof NOISE_KINDS)[number];

const weight = z.number().min(0).max(1000);
/** Over a base whose cosines differ by hundredths, the anchor weighs thousands. */
export const MOST_ANCHOR = 10_000;

export const datasetSchema = z
	.union(
		[
			z.strictObject({ texts: z.array(z.string()).min(1).describe("The texts themselves") }),
			z.strictObject({ upload: z.string().min(1).describe("Id from POST /v1/datasets") }),
			z.strictObject({
				hub: z.string().min(1).max(512).describe("Data set of the hub: owner/name, or owner/name/folder for a part of it"),
			}),
			z.strictObject({ path: z.string().min(1).describe("File, or folder of files, relative to the data root") }),
		],
		"allowed: exactly one of texts (a list of strings), upload, path, hub",
	)
	.describe("Exactly one of texts, upload, path, hub");

const preparationSchema = z.strictObject({
	unicode: z
		.enum(["nfc", "nfkc", "none"])
		.default("nfc")
		.describe("Normal form; nfkc also makes ligatures, full-width letters and superscripts plain"),
	html: z.enum(["auto", "strip", "keep"]).default("auto").describe("Tags and entities; auto: only in texts that look like HTML"),
	long_texts: z
		.enum(["split", "cut", "drop"])
		.default("split")
		.describe("Texts longer than max_length: split at sentences, cut at the end, or left out"),
	min_tokens: z.int().min(0).max(8192).default(0).describe("Fewest tokens a text; shorter ones are left out"),
	near_duplicates: z
		.number()
		.min(0.5)
		.max(1)
		.default(0.9)
		.describe("Similarity (Jaccard) from which a text that says what another says is left out; 1 keeps all but equal ones"),
	max_texts: z.int().min(2).max(10_000_000).default(1_000_000).describe("Most texts; more are thinned out by chance"),
});

const share = z.number().min(0).max(1).optional();

/** What is left out is chosen by the goal and the job's texts, and told in its report. */
const objectiveSchema = z
	.strictObject({
		tsdae: weight.default(1).describe("Reconstructing the clean text through the noisy one's vector"),
		contrastive: weight.optional().describe("Noisy and clean text together, other texts of the batch apart"),
		anchor: z.number().min(0).max(MOST_ANCHOR).optional().describe("Keeping the base's similarities of two texts"),
		anchor_whitening: share.describe(
			"The anchor's similarities: 0 the base's own, 1 those of its whitened vectors, between a part of the way",
		),
		output_whitening: share.describe("How far the adapted vectors are whitened, by a Dense module beside the adapter; 0: no module"),
	})
	.refine(({ tsdae, contrastive }) => tsdae > 0 || contrastive !== 0, "tsdae and contrastive are both 0: nothing to train")
	.describe("Weights of the losses; what is left out is chosen by goal and texts");

const noiseRatio = z.number().min(0).max(0.95).default(0.6).describe("Share of the words");
const noiseKind = z.enum(NOISE_KINDS);

export const noiseSchema = z
	.strictObject({
		ratio: noiseRatio,
		kind: z
			.enum([...NOISE_KINDS, "mixture"])
			.default("delete")
			.describe("What is done to a text's words before the encoder reads it"),
		mixture: z
			.array(z.strictObject({ kind: noiseKind, ratio: noiseRatio, weight: z.number().positive().max(1000).default(1) }))
			.min(1)
			.max(10)
			.optional()
			.describe("With kind mixture: each text gets one of these, as often as its weight says"),
	})
	.refine(({ kind, mixture }) => (kind === "mixture") === (mixture !== undefined), "kind mixture and the list mixture go together");

const label = z.string().min(1);

const labelsSchema = z
	.strictObject({
		queries: z
			.array(z.strictObject({ query: label, relevant: z.array(label).min(1) }))
			.max(10_000)
			.default([]),
		corpus: z.array(label).max(200_000).default([]).describe("Searched beside all relevant texts"),
		pairs: z
			.array(z.strictObject({ sentence1: label, sentence2: label, score: z.number() }))
			.max(10_000)
			.default([])
			.describe("Pairs whose similarity someone has graded, on any scale"),
		categories: z
			.array(z.strictObject({ text: label, category: label }))
			.max(50_000)
			.default([])
			.describe("Texts of known categories: each is searched for the others of its own"),
	})
	.refine(({ queries, pairs, categories }) => queries.length + pairs.length + categories.length > 0, {
		error: "found no labels; allowed: some of queries, pairs, categories",
		path: ["queries"],
	});

export const jobSettingsSchema = z
	.strictObject({
		base_model: z.string().min(1).max(512).describe("Hub id, or a folder's name below DAK_MODELS_DIR"),
		dataset: datasetSchema,
		text_column: z.string().min(1).optional().describe("Column (CSV, TSV, Parquet) or field (JSONL) that holds the text"),
		text_template: z
			.string()
			.min(1)
			.max(2000)
			.refine((template) => /\{[^{}]+\}/.test(template), "names no column; allowed: a text with columns in braces, such as {brand} {title}")
			.optional()
			.describe("A text made of several columns, such as {brand} {title}, in place of text_column"),
		preparation: preparationSchema.prefault({}).describe("What is done to the texts before training"),
		adapter_name: z
			.string()
			.regex(ADAPTER_NAME, "1 to 128 letters, digits, '.', '_' or '-', a letter or digit at both ends")
			.optional()
			.describe("What the adapter is served by; default: the job's id"),
		goal: z
			.enum(["balanced", "same_item"])
			.default("balanced")
			.describe("balanced: search in general; same_item: the same thing told in other words, above all else"),
		objective: objectiveSchema.prefault({}),
		noise: noiseSchema.prefault({}),
		pooling: z.enum(POOLINGS).optional().describe("Default: what the base model's folder says"),
		max_length: z.int().min(4).max(8192).default(64).describe("Most tokens a training text, special ones included"),
		lora: z
			.strictObject({
				r: z.int().min(1).max(1024).default(16).describe("Rank of the factors; at most the base model's hidden size"),
				alpha: z.number().positive().max(4096).optional().describe("Default 2·r"),
				dropout: z.number().min(0).max(0.9).default(0).describe("Only 0 is implemented yet"),
				target_modules: z
					.array(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "the name of a layer, or all-linear"))
					.min(1)
					.max(32)
					.default([ALL_LINEAR])
					.describe("Last parts of the adapted layers' names, as PEFT has them: query, q_lin, Wqkv, q_proj … by the base's architecture"),
			})
			.prefault({}),
		quantization: z
			.strictObject({
				kind: z.enum(["nf4", "none"]).default("nf4").describe("How the frozen base is held in training"),
				double_quant: z.boolean().default(true).describe("The scales of NF4's blocks in 8 bits too"),
			})
			.prefault({}),
		training: z
			.strictObject({
				epochs: z.number().positive().max(1000).default(1).describe("Times that every text is seen"),
				max_steps: z.int().min(1).max(1_000_000).optional().describe("Steps in place of `epochs`"),
				batch_size: z.int().min(2).max(1024).default(32).describe("Texts that are computed together"),
				gradient_accumulation: z.int().min(1).max(256).default(1).describe("Batches a step"),
				learning_rate: z.number().positive().max(1).default(3e-4).describe("The highest, after warm-up"),
				warmup: z.number().min(0).max(1).default(0.1).describe("Share of the steps over which the learning rate rises"),
				scheduler: z.enum(["linear", "cosine", "constant"]).default("linear").describe("How the learning rate falls after warm-up"),
				weight_decay: z.number().min(0).max(1).default(0).describe("AdamW's"),
				max_grad_norm: z.number().positive().max(1e6).default(1).describe("Longer gradients are shortened to this norm"),
				vocabulary: z
					.enum(["corpus", "sampled", "full"])
					.default("sampled")
					.describe(
						"Tokens that the decoder's softmax is over: all; the corpus' own and others by chance, each standing for many (an estimate of all); the corpus' own alone",
					),
				gradient_checkpointing: z
					.boolean()
					.default(false)
					.describe("Computes layers once more in the backward pass: about a third more work for a fraction of the activations' memory"),
				mixed_precision: z
					.enum(["no", "fp16"])
					.default("no")
					.describe("fp16: products with the frozen 4-bit weights in half precision, for GPUs; on a CPU it is slower than no"),
				seed: z.int().min(0).max(4294967295).default(7).describe("Of all that chance decides: order, noise, first factors"),
			})
			.prefault({}),
		validation: z
			.strictObject({
				ratio: z.number().min(0).max(0.5).default(0).describe("Share of the texts held out of training, near-duplicates kept together"),
			})
			.prefault({}),
		init_adapter: z.string().regex(ADAPTER_NAME).optional().describe("Published adapter to go on from"),
		evaluation: labelsSchema.optional().describe("Labelled data that the adapter is measured with, never trained on"),
		publish: z.enum(["always", "if_not_worse", "never"]).default("if_not_worse").describe("if_not_worse: unless the verdict is regressed"),
		output: z
			.strictObject({
				adapter: z.boolean().default(true),
				merged_model: z
					.boolean()
					.default(false)
					.describe("A sentence-transformers folder with the adapter merged into the base, as artifacts below merged_model/"),
				merged_dtype: z.enum(["fp32", "fp16"]).default("fp32").describe("Of the merged model's weights"),
				onnx: z.boolean().default(false).describe("The same for transformers.js and optimum, as artifacts below onnx/"),
				onnx_dtypes: z
					.array(z.enum(["fp32", "int8"]))
					.min(1)
					.max(2)
					.default(["fp32", "int8"])
					.describe("fp32: onnx/model.onnx; int8: onnx/model_quantized.onnx, weights in 8 bits"),
			})
			.prefault({})
			.describe("What is written; adapter: false is not implemented yet"),
		device: z.enum(["auto", "cuda", "webgpu", "cpu"]).default("auto").describe("auto: DAK_DEVICE's"),
		checkpoint: z
			.strictObject({
				every_steps: z.int().min(1).max(1_000_000).default(50),
				every_seconds: z.number().min(1).max(86_400).default(30),
			})
			.prefault({})
			.describe("A checkpoint is written whenever one of the two is reached"),
		priority: z.enum(["low", "normal", "high"]).default("normal").describe("A waiting job of a higher priority starts first"),
	})
	.refine(({ text_column, text_template }) => text_column === undefined || text_template === undefined, {
		error: "text_column and text_template exclude each other",
		path: ["text_template"],
	})
	.refine(({ output, goal, objective }) => !(output.onnx && (objective.output_whitening ?? (goal === "same_item" ? 1 : 0)) > 0), {
		error:
			"an ONNX file gives token states, and has no place for the Dense module that output_whitening makes; allowed: false, or objective.output_whitening 0",
		path: ["output", "onnx"],
	})
	.meta({ id: "JobSpec", description: "What to train; base_model and dataset alone make a job" });

/** A job with every default filled in. */
export type JobSettings = z.output<typeof jobSettingsSchema>;

/** The losses as they are trained. */
export interface Objective {
	readonly tsdae: number;
	readonly contrastive: number;
	readonly anchor: number;
	readonly anchor_whitening: number;
	readonly output_whitening: number;
}

/** Settings whose objective has been chosen. */
export type TrainingSettings = JobSettings & { readonly objective: Objective };

/** What only the base model's shape can refuse. @throws INVALID_REQUEST, NOT_IMPLEMENTED for an ONNX file that cannot be written */
export function checkAgainstBase(
	{ lora, max_length, output }: JobSettings,
	{ encoder, maxSeqLength }: Pick<BaseModel, "encoder" | "maxSeqLength">,
): void {
	if (lora.r > encoder.hiddenSize)
		throw invalidField("/lora/r", `found ${lora.r}, allowed: 1 to ${encoder.hiddenSize}, the base model's hidden size`);
	adaptedModules(lora.target_modules, encoder);
	if (max_length > maxSeqLength)
		throw invalidField("/max_length", `found ${max_length}, allowed: 4 to ${maxSeqLength}, the base model's limit`);
	if (output.onnx) for (const dtype of output.onnx_dtypes) checkOnnx(encoder, dtype);
}

function checkOnnx(encoder: BaseModel["encoder"], dtype: JobSettings["output"]["onnx_dtypes"][number]): void {
	try {
		checkExport(encoder, dtype);
	} catch (error) {
		const { reason, message } = toDakError(error);
		throw new DakError(reason, `/output/onnx: ${message}`, { fields: [{ pointer: "/output/onnx", detail: message }], cause: error });
	}
}

/** Fields of the contract that nothing stands behind yet, each with what it may be meanwhile. */
function missingFeatures({ lora, output }: JobSettings): FieldViolation[] {
	const rows: [pointer: string, found: unknown, allowed: unknown][] = [
		["/lora/dropout", lora.dropout, 0],
		["/output/adapter", output.adapter, true],
	];
	return rows
		.filter(([, found, allowed]) => found !== allowed)
		.map(([pointer, found, allowed]) => ({
			pointer,
			detail: `not implemented yet; found ${JSON.stringify(found)}, allowed: ${JSON.stringify(allowed)}`,
		}));
}

/** A feature that is not there is refused, never silently left out. @throws NOT_IMPLEMENTED naming each field */
export function refuseMissingFeatures(settings: JobSettings): void {
	const fields = missingFeatures(settings);
	if (fields.length > 0)
		throw new DakError("NOT_IMPLEMENTED", fields.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; "), { fields });
}
