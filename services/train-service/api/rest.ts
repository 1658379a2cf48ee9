/** REST: decode, call one application function, encode. */
import { createReadStream, statSync } from "node:fs";
import { extname } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { DatasetStatistics } from "../data/index.js";
import { REPORT_CSP, reportPage } from "../evaluation/page/index.js";
import { type Dataset, JOB_STATES, jobSettingsSchema } from "../jobs/index.js";
import type { Application } from "./application.js";
import { jobJson } from "./convert.js";
import { estimateJson, estimateSchema } from "./estimate.js";
import { streamEvents } from "./event-stream.js";
import { artifactListSchema, datasetSchema, jobListSchema, jobSchema, reportSchema } from "./schemas.js";
import { RAW_TYPES, withUpload } from "./upload.js";

const byId = z.object({ id: z.string() });

const CONTENT_TYPES: Readonly<Record<string, string>> = { ".json": "application/json", ".md": "text/markdown; charset=utf-8" };

const datasetJson = ({ id, filename, createdAt, bytes, statistics }: Dataset) => ({
	id,
	filename,
	created_at: new Date(createdAt).toISOString(),
	bytes,
	// As it was kept; the store does not look into it.
	statistics: statistics as unknown as DatasetStatistics,
});

export function restRoutes(app: Application): Route[] {
	return [...submitRoutes(app), ...jobRoutes(app), ...resultRoutes(app), ...datasetRoutes(app)];
}

function submitRoutes(app: Application): Route[] {
	return [
		route({
			method: "post",
			path: "/v1/jobs",
			operationId: "createJob",
			summary: "Submit a job",
			tag: "jobs",
			scope: "submit",
			headers: { "Idempotency-Key": "A second request with the same key returns the first one's job" },
			// The job is parsed where both protocols meet; here the schema documents it.
			body: jobSettingsSchema,
			response: { status: 202, description: "Accepted", schema: jobSchema, headers: { Location: "Where to ask for it" } },
			errors: [
				"INVALID_DATASET",
				"DATASET_NOT_FOUND",
				"MODEL_NOT_FOUND",
				"INVALID_MODEL",
				"INSUFFICIENT_MEMORY",
				"OVERLOADED",
				"IDEMPOTENCY_CONFLICT",
			],
		}).handle(async ({ body, req, user }) => {
			const job = await app.jobs.create(body, req.get("idempotency-key"), user);
			return { body: jobJson(job), headers: { location: `/v1/jobs/${job.id}` } };
		}),
		route({
			method: "post",
			path: "/v1/jobs:estimate",
			operationId: "estimateJob",
			summary: "Memory and time of a job before it runs, and what would fit where it does not",
			tag: "jobs",
			scope: "submit",
			body: jobSettingsSchema,
			response: { status: 200, description: "The estimate", schema: estimateSchema },
			errors: ["INVALID_DATASET", "DATASET_NOT_FOUND", "MODEL_NOT_FOUND", "INVALID_MODEL"],
		}).handle(async ({ body }) => ({ body: estimateJson(await app.estimate(body)) })),
		route({
			method: "post",
			path: "/v1/jobs/{id}:cancel",
			operationId: "cancelJob",
			summary: "Cancel a job",
			tag: "jobs",
			scope: "submit",
			params: byId,
			response: { status: 202, description: "Being cancelled, or cancelled", schema: jobSchema },
			errors: ["JOB_NOT_FOUND", "STATE_CONFLICT"],
		}).handle(async ({ params }) => ({ body: jobJson(await app.jobs.cancel(params.id)) })),
		route({
			method: "post",
			path: "/v1/jobs/{id}:pause",
			operationId: "pauseJob",
			summary: "Take a job off the machine until it is resumed: its memory is free, its last checkpoint stays",
			tag: "jobs",
			scope: "submit",
			params: byId,
			response: { status: 202, description: "Being paused, or paused", schema: jobSchema },
			errors: ["JOB_NOT_FOUND", "STATE_CONFLICT"],
		}).handle(async ({ params }) => ({ body: jobJson(await app.jobs.pause(params.id)) })),
		route({
			method: "post",
			path: "/v1/jobs/{id}:resume",
			operationId: "resumeJob",
			summary: "Put a paused, cancelled or failed job into the queue again; it goes on from its last checkpoint",
			tag: "jobs",
			scope: "submit",
			params: byId,
			response: { status: 202, description: "Queued", schema: jobSchema },
			errors: ["JOB_NOT_FOUND", "STATE_CONFLICT", "OVERLOADED"],
		}).handle(async ({ params }) => ({ body: jobJson(await app.jobs.resume(params.id)) })),
	];
}

function jobRoutes(app: Application): Route[] {
	return [
		route({
			method: "get",
			path: "/v1/jobs",
			operationId: "listJobs",
			summary: "Jobs, newest first",
			tag: "jobs",
			scope: "read",
			query: z.strictObject({
				state: z.enum(JOB_STATES).optional(),
				page_size: z.coerce.number().int().min(1).max(200).default(50),
				page_token: z.string().default(""),
			}),
			response: { status: 200, description: "A page", schema: jobListSchema },
		}).handle(async ({ query }) => {
			const { jobs, nextPageToken } = await app.jobs.list({ state: query.state, pageSize: query.page_size, pageToken: query.page_token });
			return { body: { jobs: jobs.map(jobJson), next_page_token: nextPageToken } };
		}),
		route({
			method: "get",
			path: "/v1/jobs/{id}",
			operationId: "getJob",
			summary: "A job",
			tag: "jobs",
			scope: "read",
			params: byId,
			response: { status: 200, description: "The job", schema: jobSchema },
			errors: ["JOB_NOT_FOUND"],
		}).handle(async ({ params }) => ({ body: jobJson(await app.jobs.get(params.id)) })),
		route({
			method: "get",
			path: "/v1/jobs/{id}/events",
			operationId: "watchJob",
			summary: "A job's events as server-sent events, from the start or from Last-Event-ID",
			tag: "jobs",
			scope: "read",
			params: byId,
			headers: { "Last-Event-ID": "Sequence of the last event that was seen" },
			response: { status: 200, description: "Events until the job ends", contentType: "text/event-stream" },
			errors: ["JOB_NOT_FOUND"],
		}).handle(({ params, req, res, signal, draining }) => streamEvents(app, params.id, req, res, AbortSignal.any([signal, draining]))),
	];
}

function resultRoutes(app: Application): Route[] {
	return [
		route({
			method: "get",
			path: "/v1/jobs/{id}/report",
			operationId: "getReport",
			summary: "What was measured on base and adapter, as JSON or as a page",
			tag: "results",
			scope: "read",
			params: byId,
			query: z.strictObject({ format: z.enum(["json", "html"]).optional().describe("In place of the Accept header") }),
			headers: { Accept: "text/html: one page without scripts, made of the same figures; application/json otherwise" },
			response: { status: 200, description: "The report", schema: reportSchema },
			errors: ["JOB_NOT_FOUND", "ARTIFACT_NOT_FOUND"],
		}).handle(async ({ params, query, req, res }) => {
			const report = await app.report(params.id);
			res.vary("accept");
			const format = query.format ?? req.accepts(["json", "html"]);
			if (format !== "html") return { body: report };
			const { settings } = await app.jobs.get(params.id);
			const page = reportPage(report, { id: params.id, ...settings });
			res.set({ "content-security-policy": REPORT_CSP, "content-type": "text/html; charset=utf-8" }).end(page);
		}),
		route({
			method: "get",
			path: "/v1/jobs/{id}/artifacts",
			operationId: "listArtifacts",
			summary: "Files of the published adapter",
			tag: "results",
			scope: "read",
			params: byId,
			response: { status: 200, description: "The files", schema: artifactListSchema },
			errors: ["JOB_NOT_FOUND", "ARTIFACT_NOT_FOUND"],
		}).handle(async ({ params }) => ({ body: { files: await app.artifacts(params.id) } })),
		route({
			method: "get",
			path: "/v1/jobs/{id}/artifacts/{+path}",
			operationId: "getArtifact",
			summary: "One file of the published adapter",
			tag: "results",
			scope: "read",
			params: z.object({ id: z.string(), path: z.string() }),
			response: { status: 200, description: "The file", contentType: "application/octet-stream" },
			errors: ["JOB_NOT_FOUND", "ARTIFACT_NOT_FOUND", "PERMISSION_DENIED"],
		}).handle(async ({ params, res }) => {
			const file = await app.artifact(params.id, params.path);
			res.set({
				"content-type": CONTENT_TYPES[extname(file)] ?? "application/octet-stream",
				"content-length": String(statSync(file).size),
			});
			await pipeline(createReadStream(file), res);
		}),
	];
}

function datasetRoutes(app: Application): Route[] {
	return [
		route({
			method: "post",
			path: "/v1/datasets",
			operationId: "createDataset",
			summary: "Upload texts: plain text, JSONL, CSV, TSV or Parquet, each also packed with gzip or zstd",
			tag: "datasets",
			scope: "submit",
			query: z.strictObject({
				filename: z.string().max(255).optional().describe("Its ending says the format, where the body is the file itself"),
				text_column: z.string().min(1).optional().describe("Column or field that holds the text"),
				text_template: z.string().min(1).max(2000).optional().describe("A text made of several columns, such as {brand} {title}"),
				base_model: z.string().min(1).max(512).optional().describe("Base model that tokens are counted for; default DAK_BASE_MODEL"),
				max_length: z.coerce.number().int().min(4).max(8192).default(64).describe("Tokens from which a text counts as long"),
			}),
			rawBody: {
				contentTypes: ["multipart/form-data", ...RAW_TYPES],
				description: "The file, or multipart with the file in the field `file`",
			},
			response: { status: 201, description: "Read and kept", schema: datasetSchema, headers: { Location: "Where to ask for it" } },
			errors: ["INVALID_DATASET", "MODEL_NOT_FOUND", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "MALFORMED_BODY", "EMPTY_INPUT"],
		}).handle(async ({ query, req, signal }) => {
			const options = {
				textColumn: query.text_column,
				textTemplate: query.text_template,
				baseModel: query.base_model,
				maxLength: query.max_length,
				signal,
			};
			const dataset = await withUpload(req, query.filename, (upload) => app.saveDataset(upload, options));
			return { body: datasetJson(dataset), headers: { location: `/v1/datasets/${dataset.id}` } };
		}),
		route({
			method: "get",
			path: "/v1/datasets/{id}",
			operationId: "getDataset",
			summary: "A dataset and its statistics",
			tag: "datasets",
			scope: "read",
			params: byId,
			response: { status: 200, description: "The dataset", schema: datasetSchema },
			errors: ["DATASET_NOT_FOUND"],
		}).handle(async ({ params }) => ({ body: datasetJson(await app.dataset(params.id)) })),
	];
}
