/** OpenAI's routes: `model` names the base or an adapter. */
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication, TextInput } from "../application/index.js";
import { ANSWER_HEADERS, answerHeaders, charactersOf } from "./answer-headers.js";
import { vectorBase64, vectorJson } from "./json.js";
import { modelNamed, modelSchema, modelsOf, namesBase, noSuchModel } from "./models.js";

const tokenIds = z.array(z.int().min(0)).max(65536);

const embeddingsBody = z.object({
	input: z.union([z.string(), z.array(z.string()), tokenIds.min(1), z.array(tokenIds)]),
	model: z.string().min(1).nullish().describe("The base or an adapter; unset: the base"),
	encoding_format: z.enum(["float", "base64"]).default("float"),
	dimensions: z.int().min(1).nullish(),
	user: z.string().nullish(),
	adapter: z.string().optional().describe("An adapter in place of the one that `model` names"),
});

const embeddingsSchema = z
	.object({
		object: z.literal("list"),
		data: z.array(
			z.object({
				object: z.literal("embedding"),
				index: z.int(),
				embedding: z.union([z.array(z.number()), z.string()]).describe("Numbers, or base64 of little-endian float32"),
			}),
		),
		model: z.string().describe("name@generation of the adapter that answered, or the base"),
		usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
	})
	.meta({ id: "Embeddings" });

function toList(input: z.output<typeof embeddingsBody>["input"]): readonly TextInput[] {
	if (typeof input === "string") return [input];
	return typeof input[0] === "number" ? [input as number[]] : (input as (string | number[])[]);
}

/** Which adapter a model's name means: none for the base. @throws ADAPTER_NOT_FOUND */
function adapterOf(app: EmbedApplication, { model, adapter }: z.output<typeof embeddingsBody>): readonly string[] {
	if (adapter !== undefined) return [adapter];
	if (model === undefined || model === null || namesBase(app, model)) return [];
	if (!modelsOf(app).some(({ id }) => id === model.replace(/@\d+$/, ""))) throw noSuchModel(app, model);
	return [model];
}

export function openaiRoutes(app: EmbedApplication): Route[] {
	return [
		embeddingsRoute(app, "/v1/embeddings", "createEmbeddings"),
		embeddingsRoute(app, "/embeddings", "createEmbeddingsAtRoot"),
		...modelRoutes(app),
	];
}

function embeddingsRoute(app: EmbedApplication, path: string, operationId: string): Route {
	return route({
		method: "post",
		path,
		operationId,
		summary: "Vectors of texts in OpenAI's shapes",
		tag: "openai",
		scope: "embed",
		errorShape: "openai",
		body: embeddingsBody,
		response: { status: 200, description: "One vector an input", schema: embeddingsSchema, headers: ANSWER_HEADERS },
		errors: ["EMPTY_INPUT", "TOKENIZATION_FAILED", "ADAPTER_NOT_FOUND", "GENERATION_MISMATCH", "OVERLOADED"],
	}).handle(async ({ body, signal, user, res }) => {
		const inputs = toList(body.input);
		const result = await app.embed({
			inputs,
			adapters: adapterOf(app, body),
			truncationDirection: "right",
			normalize: true,
			dimensions: body.dimensions ?? undefined,
			client: user,
			signal,
		});
		const { vectors, adapters, tokens } = result;
		const encoded = body.encoding_format === "base64" ? (vector: Float32Array) => JSON.stringify(vectorBase64(vector)) : vectorJson;
		const data = vectors.map((vector, index) => `{"object":"embedding","index":${index},"embedding":${encoded(vector)}}`);
		// OpenAI's own answers name the model more exactly than the request did; ours say the generation.
		const model = adapters[0] || app.info().servedModelName;
		const rest = JSON.stringify({ model, usage: { prompt_tokens: tokens, total_tokens: tokens } });
		res.set({ ...answerHeaders({ ...result, characters: charactersOf(inputs) }, app.info().device), "content-type": "application/json" });
		res.end(`{"object":"list","data":[${data.join(",")}],${rest.slice(1)}`);
	});
}

function modelRoutes(app: EmbedApplication): Route[] {
	return [
		route({
			method: "get",
			path: "/v1/models",
			operationId: "listModels",
			summary: "The base and its adapters as OpenAI's models",
			tag: "openai",
			scope: "embed",
			errorShape: "openai",
			response: { status: 200, description: "The models", schema: z.object({ object: z.literal("list"), data: z.array(modelSchema) }) },
		}).handle(() => ({ body: { object: "list", data: modelsOf(app) } })),
		route({
			method: "get",
			path: "/v1/models/{+id}",
			operationId: "getModel",
			summary: "The base or an adapter as OpenAI's model",
			tag: "openai",
			scope: "embed",
			errorShape: "openai",
			params: z.object({ id: z.string() }),
			response: { status: 200, description: "The model", schema: modelSchema },
			errors: ["ADAPTER_NOT_FOUND"],
		}).handle(({ params: { id } }) => ({ body: modelNamed(app, id) })),
	];
}
