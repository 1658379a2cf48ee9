/** Which adapters are served: our routes, and vLLM's two. */
import { ADAPTER_NAME } from "@dak/shared/adapters";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import { type AdapterInfo, NAME_RULE } from "../adapters/index.js";
import type { EmbedApplication } from "../application/index.js";

const nameSchema = z.string().regex(ADAPTER_NAME, `allowed: ${NAME_RULE}`);

const adapterSchema = z
	.object({
		name: z.string(),
		generation: z.int(),
		base_fingerprint: z.string().describe("Empty where the adapter does not say"),
		rank: z.int(),
		bytes: z.int(),
		source: z.string().describe("Relative to the artifact root"),
		resident: z.boolean().describe("In memory, as factors or merged"),
		merged: z.boolean().describe("Merged into weights of its own"),
	})
	.meta({ id: "Adapter" });

const adapterJson = ({ name, generation, baseFingerprint, rank, bytes, source, resident, merged }: AdapterInfo) => ({
	name,
	generation,
	base_fingerprint: baseFingerprint,
	rank,
	bytes,
	source,
	resident,
	merged,
});

export function adapterRoutes(app: EmbedApplication): Route[] {
	return [...ownRoutes(app), ...vllmRoutes(app)];
}

function ownRoutes(app: EmbedApplication): Route[] {
	return [
		route({
			method: "get",
			path: "/v1/adapters",
			operationId: "listAdapters",
			summary: "Adapters that are served",
			tag: "adapters",
			scope: "embed",
			response: { status: 200, description: "The adapters", schema: z.object({ adapters: z.array(adapterSchema) }) },
		}).handle(() => ({ body: { adapters: app.registry.list().map(adapterJson) } })),
		route({
			method: "post",
			path: "/v1/adapters",
			operationId: "loadAdapter",
			summary: "Load an adapter, or a new generation of one",
			tag: "adapters",
			scope: "admin",
			body: z.strictObject({
				name: nameSchema,
				source: z
					.union([z.strictObject({ path: z.string().min(1) }), z.strictObject({ job_id: z.string().min(1) })])
					.optional()
					.describe("A folder below the artifact root, or a job; default: the newest published under this name"),
			}),
			response: { status: 201, description: "Loaded", schema: adapterSchema },
			errors: ["ADAPTER_NOT_FOUND", "ADAPTER_INCOMPATIBLE"],
		}).handle(async ({ body: { name, source } }) => {
			const from = source === undefined ? undefined : "path" in source ? { path: source.path } : { jobId: source.job_id };
			return { body: adapterJson(await app.registry.load(name, from)) };
		}),
		route({
			method: "delete",
			path: "/v1/adapters/{name}",
			operationId: "unloadAdapter",
			summary: "Stop serving an adapter; its files stay",
			tag: "adapters",
			scope: "admin",
			params: z.object({ name: z.string() }),
			response: { status: 204, description: "Unloaded" },
			errors: ["ADAPTER_NOT_FOUND"],
		}).handle(async ({ params }) => {
			await app.registry.unload(params.name);
			return {};
		}),
	];
}

function vllmRoutes(app: EmbedApplication): Route[] {
	return [
		route({
			method: "post",
			path: "/v1/load_lora_adapter",
			operationId: "loadLoraAdapter",
			summary: "vLLM's way to load an adapter",
			tag: "adapters",
			scope: "admin",
			errorShape: "openai",
			body: z.object({ lora_name: nameSchema, lora_path: z.string().min(1).describe("A folder below the artifact root") }),
			response: { status: 200, description: "Loaded", contentType: "text/plain" },
			errors: ["ADAPTER_NOT_FOUND", "ADAPTER_INCOMPATIBLE"],
		}).handle(async ({ body, res }) => {
			await app.registry.load(body.lora_name, { path: body.lora_path });
			res.type("text/plain").end(`Success: LoRA adapter '${body.lora_name}' added successfully.`);
		}),
		route({
			method: "post",
			path: "/v1/unload_lora_adapter",
			operationId: "unloadLoraAdapter",
			summary: "vLLM's way to unload an adapter",
			tag: "adapters",
			scope: "admin",
			errorShape: "openai",
			body: z.object({ lora_name: z.string().min(1) }),
			response: { status: 200, description: "Unloaded", contentType: "text/plain" },
			errors: ["ADAPTER_NOT_FOUND"],
		}).handle(async ({ body, res }) => {
			await app.registry.unload(body.lora_name);
			res.type("text/plain").end(`Success: LoRA adapter '${body.lora_name}' removed successfully.`);
		}),
	];
}
