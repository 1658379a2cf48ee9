/** What REST answers with; the OpenAPI document is made from these. */
import { z } from "zod";
import { JOB_STATES, jobSettingsSchema } from "../jobs/index.js";
import { statisticsSchema } from "./statistics-schema.js";

export const progressSchema = z
	.object({
		step: z.int(),
		total_steps: z.int(),
		epoch: z.number(),
		loss: z.number(),
		learning_rate: z.number(),
		grad_norm: z.number(),
		tokens_per_second: z.number(),
		sentences_per_second: z.number(),
		memory_bytes: z.number(),
		device_memory_bytes: z.number(),
		eta_seconds: z.number(),
	})
	.meta({ id: "Progress" });

export const jobSchema = z
	.object({
		id: z.string(),
		state: z.enum(JOB_STATES),
		// With all defaults filled in; texts that came with it are kept as a dataset, labelled pairs are not shown.
		spec: jobSettingsSchema,
		created_at: z.iso.datetime(),
		started_at: z.iso.datetime().optional(),
		finished_at: z.iso.datetime().optional(),
		error: z.object({ reason: z.string(), message: z.string() }).optional().describe("Why it failed"),
		progress: progressSchema.optional(),
		adapter_path: z.string().optional().describe("Of the published adapter, relative to the artifact root"),
		restarts: z.int(),
		estimated_memory_bytes: z.int().optional().describe("What it is expected to take at most; unset until that is known"),
	})
	.meta({ id: "Job" });

export const jobListSchema = z
	.object({ jobs: z.array(jobSchema), next_page_token: z.string().describe("Empty on the last page") })
	.meta({ id: "JobList" });

export const datasetSchema = z
	.object({
		id: z.string(),
		filename: z.string(),
		created_at: z.iso.datetime(),
		bytes: z.int(),
		statistics: statisticsSchema,
	})
	.meta({ id: "Dataset" });

export const artifactListSchema = z.object({ files: z.array(z.object({ path: z.string(), bytes: z.int() })) }).meta({ id: "Artifacts" });
export const reportSchema = z.record(z.string(), z.unknown()).meta({ id: "Report" });
