/** Text Embeddings Inference's routes, so that its clients work unchanged. @source its OpenAPI document, version 1.8 */
import { TOOL_VERSION } from "@dak/shared/adapters";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication, TextInput } from "../application/index.js";
import { adapterHeader, vectorsJson } from "./json.js";

const tokenIds = z.array(z.int().min(0)).max(65536);
const inputsSchema = z
	.union([z.string(), z.array(z.string()), tokenIds.min(1), z.array(tokenIds)])
	.describe("A text, texts, or token ids in place of texts");
const adapterSchema = z
	.union([z.string(), z.array(z.string())])
	.optional()
	.describe("An adapter for all inputs, or one an input (empty: the base)");
const direction = z
	.string()
	.toLowerCase()
	.pipe(z.enum(["left", "right"]))
	.default("right");

const textOptions = { truncate: z.boolean().nullish(), truncation_direction: direction, prompt_name: z.string().nullish() };

const embedBody = z.object({
	inputs: inputsSchema,
	...textOptions,
	normalize: z.boolean().default(true),
	dimensions: z.int().min(1).nullish(),
	adapter: adapterSchema,
});

const similarityBody = z.object({
	inputs: z.object({ source_sentence: z.string(), sentences: z.array(z.string()) }),
	parameters: z.object(textOptions).nullish(),
	...textOptions,
	adapter: z.string().optional(),
});

const tokenSchema = z
	.object({ id: z.int(), text: z.string(), special: z.boolean(), start: z.int().nullable(), stop: z.int().nullable() })
	.meta({ id: "Token" });

/** One input or many, as a list. */
function toList(inputs: z.output<typeof inputsSchema>): readonly TextInput[] {
	if (typeof inputs === "string") return [inputs];
	return typeof inputs[0] === "number" ? [inputs as number[]] : (inputs as (string | number[])[]);
}

const toNames = (adapter: string | readonly string[] | undefined): readonly string[] =>
	adapter === undefined ? [] : typeof adapter === "string" ? [adapter] : adapter;

const textSettings = (body: {
	truncate?: boolean | null | undefined;
	truncation_direction: "left" | "right";
	prompt_name?: string | null | undefined;
}) => ({
	truncate: body.truncate ?? false,
	truncationDirection: body.truncation_direction,
	promptName: body.prompt_name ?? undefined,
});

export function teiRoutes(app: EmbedApplication): Route[] {
	return [
		embedRoute(app, "/embed", "embed"),
		embedRoute(app, "/", "embedAtRoot"),
		similarityRoute(app),
		tokenizeRoute(app),
		infoRoute(app),
		healthRoute(app),
	];
}

function embedRoute(app: EmbedApplication, path: string, operationId: string): Route {
	return route({
		method: "post",
		path,
		operationId,
		summary: "Vectors of texts",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		body: embedBody,
		response: {
			status: 200,
			description: "One vector an input",
			schema: z.array(z.array(z.number())),
			headers: { "x-dak-adapter": "name@generation of the adapters used, or base" },
		},
		errors: ["EMPTY_INPUT", "TOKENIZATION_FAILED", "ADAPTER_NOT_FOUND", "OVERLOADED"],
	}).handle(async ({ body, signal, user, res }) => {
		const { vectors, adapters } = await app.embed({
			...textSettings(body),
			inputs: toList(body.inputs),
			adapters: toNames(body.adapter),
			normalize: body.normalize,
			dimensions: body.dimensions ?? undefined,
			client: user,
			signal,
		});
		res.set({ "content-type": "application/json", "x-dak-adapter": adapterHeader(adapters) }).end(vectorsJson(vectors));
	});
}

function similarityRoute(app: EmbedApplication): Route {
	return route({
		method: "post",
		path: "/similarity",
		operationId: "similarity",
		summary: "Cosine of one sentence and others",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		body: similarityBody,
		response: { status: 200, description: "One number a sentence", schema: z.array(z.number()) },
		errors: ["EMPTY_INPUT", "TOKENIZATION_FAILED", "ADAPTER_NOT_FOUND", "OVERLOADED"],
	}).handle(async ({ body, signal, user }) => {
		const { source_sentence, sentences } = body.inputs;
		const settings = { ...textSettings(body.parameters ?? body), adapters: toNames(body.adapter), client: user, signal };
		const { similarities, adapter } = await app.similarity(source_sentence, sentences, settings);
		return { body: similarities, headers: { "x-dak-adapter": adapterHeader([adapter]) } };
	});
}

function tokenizeRoute(app: EmbedApplication): Route {
	return route({
		method: "post",
		path: "/tokenize",
		operationId: "tokenize",
		summary: "Tokens of texts",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		body: z.object({
			inputs: z.union([z.string(), z.array(z.string())]),
			add_special_tokens: z.boolean().default(true),
			prompt_name: z.string().nullish(),
		}),
		response: { status: 200, description: "Tokens of each text", schema: z.array(z.array(tokenSchema)) },
		errors: ["EMPTY_INPUT", "TOKENIZATION_FAILED"],
	}).handle(({ body }) => {
		const inputs = typeof body.inputs === "string" ? [body.inputs] : body.inputs;
		const texts = app.tokenize(inputs, body.add_special_tokens, body.prompt_name ?? undefined);
		return { body: texts.map((pieces) => pieces.map((piece) => ({ ...piece, start: piece.start ?? null, stop: piece.stop ?? null }))) };
	});
}

function infoRoute(app: EmbedApplication): Route {
	return route({
		method: "get",
		path: "/info",
		operationId: "info",
		summary: "What is served",
		tag: "embed",
		response: { status: 200, description: "Model, limits and device", schema: z.record(z.string(), z.unknown()) },
	}).handle(() => {
		const info = app.info();
		return {
			body: {
				model_id: info.modelId,
				model_sha: info.modelFingerprint,
				model_dtype: "nf4",
				model_type: { embedding: { pooling: info.pooling } },
				max_concurrent_requests: null,
				max_input_length: info.maxInputLength,
				max_batch_tokens: info.maxBatchTokens,
				max_client_batch_size: info.maxClientBatchSize,
				auto_truncate: false,
				tokenization_workers: 1,
				version: TOOL_VERSION,
				dimension: info.dimension,
				prompts: info.prompts,
				compute: info.compute,
				device: info.device,
				device_reason: info.deviceReason,
				base_bytes: info.baseBytes,
				adapters_loaded: info.adaptersLoaded,
			},
		};
	});
}

function healthRoute(app: EmbedApplication): Route {
	return route({
		method: "get",
		path: "/health",
		operationId: "health",
		summary: "Whether requests can be served",
		tag: "embed",
		response: { status: 200, description: "They can; an empty body" },
	}).handle(({ res }) => {
		res.status(app.notReady() === undefined ? 200 : 503).end();
	});
}
