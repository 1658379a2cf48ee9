/** What is served, and whether it can be. */
import { TOOL_VERSION } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication } from "../../application/index.js";

const infoSchema = z
	.object({
		model_id: z.string(),
		model_sha: z.string().describe("Fingerprint of the base's configuration and weights"),
		model_dtype: z.string(),
		model_type: z.object({ embedding: z.object({ pooling: z.string() }) }),
		max_concurrent_requests: z.int().describe("Texts that may wait"),
		max_input_length: z.int(),
		max_batch_tokens: z.int(),
		max_batch_requests: z.int().nullable(),
		max_client_batch_size: z.int(),
		auto_truncate: z.boolean(),
		tokenization_workers: z.int(),
		version: z.string(),
		sha: z.string().nullable(),
		docker_label: z.string().nullable(),
		served_model_name: z.string(),
		dimension: z.int(),
		prompts: z.record(z.string(), z.string()),
		compute: z.string(),
		device: z.string(),
		device_reason: z.string(),
		base_bytes: z.int(),
		adapters_loaded: z.int(),
	})
	.meta({ id: "Info" });

export function infoRoute(app: EmbedApplication): Route {
	return route({
		method: "get",
		path: "/info",
		operationId: "info",
		summary: "What is served",
		tag: "embed",
		response: { status: 200, description: "Model, limits and device", schema: infoSchema },
	}).handle(() => {
		const info = app.info();
		return {
			body: {
				model_id: info.modelId,
				model_sha: info.modelFingerprint,
				model_dtype: "nf4",
				// TEI's name for it.
				model_type: { embedding: { pooling: info.pooling === "lasttoken" ? "last_token" : info.pooling } },
				max_concurrent_requests: info.maxQueueTexts,
				max_input_length: info.maxInputLength,
				max_batch_tokens: info.maxBatchTokens,
				max_batch_requests: null,
				max_client_batch_size: info.maxClientBatchSize,
				auto_truncate: info.autoTruncate,
				tokenization_workers: 1,
				version: TOOL_VERSION,
				sha: null,
				docker_label: null,
				served_model_name: info.servedModelName,
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

/** `/health`; `/` and `/ping` are what hosted endpoints probe. */
export function healthRoute(app: EmbedApplication, path: string, operationId: string): Route {
	return route({
		method: "get",
		path,
		operationId,
		summary: "Whether requests can be served",
		tag: "embed",
		errorShape: "tei",
		response: { status: 200, description: "They can; an empty body" },
		errors: ["UNAVAILABLE"],
	}).handle(() => {
		const why = app.notReady();
		if (why !== undefined) throw new DakError("UNAVAILABLE", `unhealthy: ${why}`);
		return {};
	});
}
