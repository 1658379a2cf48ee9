/** OpenAI's routes: `model` names the base or an adapter. */
import { DakError } from "@dak/shared/errors";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication, TextInput } from "../application/index.js";
import { ANSWER_HEADERS, answerHeaders, charactersOf } from "./answer-headers.js";
import { vectorBase64, vectorJson } from "./json.js";

const tokenIds = z.array(z.int().min(0)).max(65536);

const embeddingsBody = z.object({
	input: z.union([z.string(), z.array(z.string()), tokenIds.min(1), z.array(tokenIds)]),
	model: z.string().min(1).nullish().describe("The base or an adapter; unset: the base"),
	encoding_format: z.enum(["float", "base64"]).default("float"),
	dimensions: z.int().min(1).nullish(),
	user: z.string().nullish(),
	adapter: z.string().optional().describe("An adapter in place of the one that `model` names"),
});

const modelSchema = z
	.object({
		id: z.string(),
		object: z.literal("model"),
		created: z.int(),
		owned_by: z.string(),
		root: z.string().describe("The base's folder, or the adapter's below the artifact root"),
		parent: z.string().nullable().describe("The base of an adapter"),
		generation: z.int().nullable(),
	})
	.meta({ id: "Model" });

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

/** Whether a model's name means the base. */
function namesBase(app: EmbedApplication, model: string): boolean {
	const { modelId, servedModelName } = app.info();
	return [modelId, modelId.split("/").at(-1), servedModelName].includes(model);
}

/** Which adapter a model's name means: none for the base. @throws ADAPTER_NOT_FOUND */
function adapterOf(app: EmbedApplication, { model, adapter }: z.output<typeof embeddingsBody>): readonly string[] {
	if (adapter !== undefined) return [adapter];
	if (model === undefined || model === null || namesBase(app, model)) return [];
	if (!modelsOf(app).some(({ id }) => id === model.replace(/@\d+$/, ""))) throw noSuchModel(app, model);
	return [model];
}

const noSuchModel = (app: EmbedApplication, model: string): DakError =>
	new DakError(
		"ADAPTER_NOT_FOUND",
		`model ${JSON.stringify(model.slice(0, 128))} does not exist; allowed: ${app.info().modelId}, or an adapter of GET /v1/models`,
	);

/** The base first, then its adapters. */
function modelsOf(app: EmbedApplication): z.output<typeof modelSchema>[] {
	const { modelId, servedModelName } = app.info();
	const model = { object: "model", created: 0, owned_by: "domain-adapter-kit" } as const;
	const adapters = app.registry
		.list()
		.map(({ name, generation, source }) => ({ ...model, id: name, root: source, parent: servedModelName, generation }));
	return [{ ...model, id: servedModelName, root: modelId, parent: null, generation: null }, ...adapters];
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
	}).handle(async ({ body, signal, res }) => {
		const inputs = toList(body.input);
		const result = await app.embed({
			inputs,
			adapters: adapterOf(app, body),
			truncationDirection: "right",
			normalize: true,
			dimensions: body.dimensions ?? undefined,
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
		}).handle(({ params: { id } }) => {
			const [base, ...adapters] = modelsOf(app);
			const found = namesBase(app, id) ? base : adapters.find((model) => model.id === id);
			if (!found) throw noSuchModel(app, id);
			return { body: found };
		}),
	];
}
