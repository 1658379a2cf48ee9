/** One DakError in the three JSON shapes that clients expect: RFC 9457 problems, Text Embeddings Inference's, and OpenAI's. */
import { z } from "zod";
import type { DakError, Reason } from "../errors/index.js";

export type ErrorShape = "problem" | "tei" | "openai";

export interface ErrorBody {
	/** HTTP status. */
	readonly status: number;
	readonly contentType: string;
	readonly body: unknown;
}

export interface ErrorContext {
	/** The path asked for. */
	readonly instance: string;
	readonly requestId: string;
}

export const problemSchema = z
	.object({
		type: z.string().describe("Stable relative URI of the kind of problem"),
		title: z.string(),
		status: z.int(),
		detail: z.string().describe("What was found and what is allowed"),
		instance: z.string(),
		reason: z.string().describe("Stable machine-readable reason, the same in gRPC"),
		errors: z.array(z.object({ pointer: z.string().describe("JSON pointer of the field"), detail: z.string() })),
		request_id: z.string(),
		details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
	})
	.meta({ id: "Problem", description: "RFC 9457 problem details" });

export const teiErrorSchema = z
	.object({ error: z.string(), error_type: z.string() })
	.meta({ id: "TeiError", description: "Text Embeddings Inference's error" });

export const openaiErrorSchema = z
	.object({ error: z.object({ message: z.string(), type: z.string(), code: z.string(), param: z.string().nullable() }) })
	.meta({ id: "OpenAiError", description: "OpenAI's error" });

/** The problem type of a reason: `/problems/job-not-found`. */
export function problemType(reason: Reason): string {
	return `/problems/${reason.toLowerCase().replaceAll("_", "-")}`;
}

function problem(error: DakError, { instance, requestId }: ErrorContext): z.output<typeof problemSchema> {
	return {
		type: problemType(error.reason),
		title: error.row.title,
		status: error.row.http,
		detail: error.message,
		instance,
		reason: error.reason,
		errors: [...error.fields],
		request_id: requestId,
		...(Object.keys(error.details).length > 0 && { details: { ...error.details } }),
	};
}

function openaiType(status: number): string {
	if (status === 401) return "authentication_error";
	if (status === 403) return "permission_error";
	if (status === 429) return "rate_limit_error";
	return status >= 500 ? "server_error" : "invalid_request_error";
}

function openai(error: DakError): z.output<typeof openaiErrorSchema> {
	// In OpenAI's API an adapter is a model, and its clients look for this code.
	const code = error.reason === "ADAPTER_NOT_FOUND" ? "model_not_found" : error.reason.toLowerCase();
	const param = error.fields[0]?.pointer.slice(1).replaceAll("/", ".") || null;
	return { error: { message: error.message, type: openaiType(error.row.http), code, param } };
}

/** Text Embeddings Inference answers 424 where the model itself fails, or is none of the kind that a route needs. */
const isBackend = ({ reason }: DakError): boolean => reason === "RUNTIME_FAILED" || reason === "NOT_IMPLEMENTED";

/** Its types as its router spells them; its OpenAPI document has them in lower case. NotFound is ours. */
const TEI_TYPES: Record<DakError["row"]["tei"], string> = {
	empty: "Empty",
	validation: "Validation",
	tokenizer: "Tokenizer",
	overloaded: "Overloaded",
	unhealthy: "Unhealthy",
	backend: "Backend",
	not_found: "NotFound",
};

/** The `error_type` of an error. */
export const teiType = (error: DakError): string => (isBackend(error) ? "Backend" : TEI_TYPES[error.row.tei]);

const SHAPES: Record<ErrorShape, (error: DakError, context: ErrorContext) => ErrorBody> = {
	problem: (error, context) => ({
		status: error.row.http,
		contentType: "application/problem+json",
		body: problem(error, context),
	}),
	tei: (error) => ({
		status: isBackend(error) ? 424 : error.row.http,
		contentType: "application/json",
		body: { error: error.message, error_type: teiType(error) },
	}),
	openai: (error) => ({ status: error.row.http, contentType: "application/json", body: openai(error) }),
};

/** The answer to an error in a shape. */
export function errorBody(shape: ErrorShape, error: DakError, context: ErrorContext): ErrorBody {
	return SHAPES[shape](error, context);
}
