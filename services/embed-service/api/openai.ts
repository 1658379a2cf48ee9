/** OpenAI's routes: `model` names the base or an adapter. */
import { DakError } from "@dak/shared/errors";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication, TextInput } from "../application/index.js";
import { adapterHeader, vectorBase64, vectorJson } from "./json.js";

const tokenIds = z.array(z.int().min(0)).max(65536);

const embeddingsBody = z.object({
	input: z.union([z.string(), z.array(z.string()), tokenIds.min(1), z.array(tokenIds)]),
	model: z.string().min(1),
	encoding_format: z.enum(["float", "base64"]).default("float"),
	dimensions: z.int().min(1).optional(),
	user: z.string().optional(),
	adapter: z.string().optional().describe("An adapter in place of the one that `model` names"),
});

const modelSchema = z.object({ id: z.string(), object: z.literal("model"), created: z.int(), owned_by: z.string() }).meta({ id: "Model" });

function toList(input: z.output<typeof embeddingsBody>["input"]): readonly TextInput[] {
	if (typeof input === "string") return [input];
	return typeof input[0] === "number" ? [input as number[]] : (input as (string | number[])[]);
}

/** Which adapter a model's name means: none for the base. @throws ADAPTER_NOT_FOUND */
function adapterOf(app: EmbedApplication, { model, adapter }: z.output<typeof embeddingsBody>): readonly string[] {
	if (adapter !== undefined) return [adapter];
	const { modelId } = app.info();
	if (model === modelId || model === modelId.split("/").at(-1)) return [];
	if (!app.registry.list().some(({ name }) => name === model)) {
		throw new DakError(
			"ADAPTER_NOT_FOUND",
			`model ${JSON.stringify(model.slice(0, 128))} does not exist; allowed: ${modelId}, or an adapter of GET /v1/models`,
		);
	}
	return [model];
}

export function openaiRoutes(app: EmbedApplication): Route[] {
	return [
		route({
			method: "post",
			path: "/v1/embeddings",
			operationId: "createEmbeddings",
			summary: "Vectors of texts in OpenAI's shapes",
			tag: "openai",
			scope: "embed",
			errorShape: "openai",
			body: embeddingsBody,
			response: { status: 200, description: "One vector an input", schema: z.record(z.string(), z.unknown()) },
			errors: ["EMPTY_INPUT", "TOKENIZATION_FAILED", "ADAPTER_NOT_FOUND", "OVERLOADED"],
		}).handle(async ({ body, signal, user, res }) => {
			const { vectors, adapters, tokens } = await app.embed({
				inputs: toList(body.input),
				adapters: adapterOf(app, body),
				truncate: false,
				truncationDirection: "right",
				normalize: true,
				dimensions: body.dimensions,
				client: user,
				signal,
			});
			const encoded = body.encoding_format === "base64" ? (vector: Float32Array) => JSON.stringify(vectorBase64(vector)) : vectorJson;
			const data = vectors.map((vector, index) => `{"object":"embedding","index":${index},"embedding":${encoded(vector)}}`);
			const rest = JSON.stringify({ model: body.model, usage: { prompt_tokens: tokens, total_tokens: tokens } });
			res.set({ "content-type": "application/json", "x-dak-adapter": adapterHeader(adapters) });
			res.end(`{"object":"list","data":[${data.join(",")}],${rest.slice(1)}`);
		}),
		route({
			method: "get",
			path: "/v1/models",
			operationId: "listModels",
			summary: "The base and its adapters as OpenAI's models",
			tag: "openai",
			scope: "embed",
			errorShape: "openai",
			response: { status: 200, description: "The models", schema: z.object({ object: z.literal("list"), data: z.array(modelSchema) }) },
		}).handle(() => {
			const names = [app.info().modelId, ...app.registry.list().map(({ name }) => name)];
			return { body: { object: "list", data: names.map((id) => ({ id, object: "model", created: 0, owned_by: "domain-adapter-kit" })) } };
		}),
	];
}
