import { z } from "zod";
import { POOLINGS } from "../models/index.js";

/** manifest.json, read tolerantly: later versions may add keys. */
export const manifestSchema = z.object({
	format: z.literal(1),
	name: z.string(),
	base_model: z.string(),
	base_fingerprint: z.string().regex(/^sha256:[0-9a-f]{64}$/),
	tokenizer_hash: z.string(),
	data_hash: z.string(),
	weights_hash: z.string(),
	dense_hash: z.string().optional(),
	quantization: z.enum(["nf4", "nf4-double", "none"]),
	pooling: z.enum(POOLINGS),
	max_length: z.int().min(1),
	job_id: z.string().optional(),
	/** W3C traceparent of the job that made it. */
	traceparent: z.string().max(64).optional(),
	created_at: z.string(),
	tool_version: z.string(),
	settings: z.record(z.string(), z.unknown()),
	metrics: z.record(z.string(), z.unknown()),
	verdict: z.enum(["unverified", "improved", "no_change", "regressed"]),
	canaries: z.array(z.object({ text: z.string(), embedding: z.array(z.number()).max(16384) })).max(64),
});
