/**
 * KServe's Open Inference Protocol, version 2, over REST: texts in as BYTES, vectors out as FP32. A model is the base or an adapter,
 * a model's version an adapter's generation.
 * @source kserve/open-inference-protocol, inference_rest.md
 */
import { TOOL_VERSION } from "@dak/shared/adapters";
import { DakError, invalidField } from "@dak/shared/errors";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication } from "../application/index.js";
import { ANSWER_HEADERS, answerHeaders, charactersOf } from "./answer-headers.js";
import { modelNamed } from "./models.js";
import { textOptions, textSettings } from "./tei/index.js";

const tensorSchema = z.object({ name: z.string(), shape: z.array(z.int().min(-1)), datatype: z.string() });

const inferBody = z.object({
	id: z.string().optional(),
	parameters: z
		.object({ ...textOptions, normalize: z.boolean().default(true), dimensions: z.int().min(1).nullish() })
		.prefault({})
		.describe("As the fields of POST /embed"),
	inputs: z
		.array(tensorSchema.extend({ datatype: z.literal("BYTES"), data: z.array(z.union([z.string(), z.array(z.string())])) }))
		.length(1)
		.describe("One tensor of texts"),
	outputs: z.array(z.object({ name: z.literal("embedding") })).optional(),
});

const inferSchema = z
	.object({
		model_name: z.string(),
		model_version: z.string().describe("The adapter's generation; 0 for the base"),
		id: z.string().optional(),
		outputs: z.array(tensorSchema.extend({ data: z.array(z.number()) })),
	})
	.meta({ id: "KServeAnswer" });

const metadataSchema = z
	.object({
		name: z.string(),
		versions: z.array(z.string()),
		platform: z.string(),
		inputs: z.array(tensorSchema),
		outputs: z.array(tensorSchema),
	})
	.meta({ id: "KServeModel" });

const named = z.object({ name: z.string() });
const versioned = named.extend({ version: z.string().regex(/^\d{1,15}$/, "allowed: a generation") });

/** @throws INVALID_REQUEST where shape and data disagree */
function textsOf([tensor]: z.output<typeof inferBody>["inputs"]): string[] {
	const { shape, data } = tensor!;
	const texts = data.flat();
	const count = shape.reduce((product, size) => product * size, 1);
	if (count !== texts.length)
		throw invalidField("/inputs/0/shape", `found ${JSON.stringify(shape)} for ${texts.length} texts, allowed: [${texts.length}]`);
	return texts;
}

const get = { method: "get", tag: "kserve", errorShape: "tei" } as const;

export function kserveRoutes(app: EmbedApplication): Route[] {
	return [
		...healthRoutes(app),
		modelRoute(app),
		inferRoute(app, "/v2/models/{name}/infer", "kserveInfer", named),
		inferRoute(app, "/v2/models/{name}/versions/{version}/infer", "kserveInferVersion", versioned),
	];
}

function healthRoutes(app: EmbedApplication): Route[] {
	const ready = () => {
		const why = app.notReady();
		if (why !== undefined) throw new DakError("UNAVAILABLE", why);
	};
	return [
		route({
			...get,
			path: "/v2",
			operationId: "kserveServer",
			summary: "KServe's description of the server",
			response: {
				status: 200,
				description: "Name and version",
				schema: z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
			},
		}).handle(() => ({ body: { name: "embed-service", version: TOOL_VERSION, extensions: [] } })),
		route({
			...get,
			path: "/v2/health/live",
			operationId: "kserveLive",
			summary: "Whether the process lives",
			response: { status: 200, description: "It does", schema: z.object({ live: z.literal(true) }) },
		}).handle(() => ({ body: { live: true } })),
		route({
			...get,
			path: "/v2/health/ready",
			operationId: "kserveReady",
			summary: "Whether requests can be served",
			response: { status: 200, description: "They can", schema: z.object({ ready: z.literal(true) }) },
			errors: ["UNAVAILABLE"],
		}).handle(() => {
			ready();
			return { body: { ready: true } };
		}),
		route({
			...get,
			path: "/v2/models/{name}/ready",
			operationId: "kserveModelReady",
			summary: "Whether a model can be served",
			scope: "embed",
			params: named,
			response: { status: 200, description: "It can", schema: z.object({ name: z.string(), ready: z.literal(true) }) },
			errors: ["UNAVAILABLE", "ADAPTER_NOT_FOUND"],
		}).handle(({ params: { name } }) => {
			ready();
			modelNamed(app, name);
			return { body: { name, ready: true } };
		}),
	];
}

function modelRoute(app: EmbedApplication): Route {
	return route({
		...get,
		path: "/v2/models/{name}",
		operationId: "kserveModel",
		summary: "KServe's description of the base or an adapter",
		scope: "embed",
		params: named,
		response: { status: 200, description: "Its tensors", schema: metadataSchema },
		errors: ["ADAPTER_NOT_FOUND"],
	}).handle(({ params: { name } }) => ({
		body: {
			name,
			versions: [`${modelNamed(app, name).generation ?? 0}`],
			platform: "domain-adapter-kit",
			inputs: [{ name: "text", datatype: "BYTES", shape: [-1] }],
			outputs: [{ name: "embedding", datatype: "FP32", shape: [-1, app.info().dimension] }],
		},
	}));
}

function inferRoute(app: EmbedApplication, path: string, operationId: string, params: typeof named): Route {
	return route({
		method: "post",
		path,
		operationId,
		summary: "Vectors of texts in KServe's shapes",
		tag: "kserve",
		scope: "embed",
		errorShape: "tei",
		params: params as z.ZodType<{ name: string; version?: string }>,
		body: inferBody,
		response: { status: 200, description: "One tensor of vectors", schema: inferSchema, headers: ANSWER_HEADERS },
		errors: ["EMPTY_INPUT", "TOKENIZATION_FAILED", "ADAPTER_NOT_FOUND", "GENERATION_MISMATCH", "OVERLOADED"],
	}).handle(async ({ params: { name, version }, body, signal, user }) => {
		const inputs = textsOf(body.inputs);
		const adapter = adapterOf(app, name, version);
		const { normalize, dimensions, ...options } = body.parameters;
		const settings = { ...textSettings(options), normalize, dimensions: dimensions ?? undefined, client: user, signal };
		const result = await app.embed({ ...settings, inputs, adapters: [adapter] });
		const data = result.vectors.flatMap((vector) => Array.from(vector));
		const shape = [inputs.length, data.length / inputs.length];
		return {
			body: {
				model_name: name,
				model_version: result.adapters[0]!.split("@")[1] ?? "0",
				...(body.id !== undefined && { id: body.id }),
				outputs: [{ name: "embedding", datatype: "FP32", shape, data }],
			},
			headers: answerHeaders({ ...result, characters: charactersOf(inputs) }, app.info().device),
		};
	});
}

/** The adapter as /embed names it, "" for the base. @throws ADAPTER_NOT_FOUND, GENERATION_MISMATCH */
function adapterOf(app: EmbedApplication, name: string, version: string | undefined): string {
	const { id, parent } = modelNamed(app, name);
	if (parent !== null) return version === undefined ? id : `${id}@${version}`;
	if (version !== undefined && version !== "0")
		throw new DakError("GENERATION_MISMATCH", `model ${name}: found version 0, asked for: ${version}`);
	return "";
}
