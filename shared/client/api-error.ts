/** The one error that calls of the client end in: RFC 9457's fields, whichever protocol and error shape the answer had. */
import type { ServiceError } from "@grpc/grpc-js";
import { DakError, type FieldViolation, REASONS, type Reason } from "../errors/index.js";

/** A reason of the services; UNREACHABLE where no answer came, HTTP_ERROR where an answer was none of theirs (a proxy's page). */
export type ApiReason = Reason | "UNREACHABLE" | "HTTP_ERROR";

export interface Problem {
	readonly reason: ApiReason;
	/** HTTP status; of a gRPC failure the one that REST has for it; 0 where no answer came. */
	readonly status: number;
	readonly type: string;
	readonly title: string;
	/** What was found and what is allowed. */
	readonly detail: string;
	readonly instance?: string | undefined;
	/** Invalid fields by JSON pointer. */
	readonly errors: readonly FieldViolation[];
	readonly requestId?: string | undefined;
	readonly details: Readonly<Record<string, unknown>>;
	readonly retryAfterMs?: number | undefined;
}

export class DakApiError extends Error implements Problem {
	override readonly name = "DakApiError";
	readonly reason: ApiReason;
	readonly status: number;
	readonly type: string;
	readonly title: string;
	readonly detail: string;
	readonly instance: string | undefined;
	readonly errors: readonly FieldViolation[];
	readonly requestId: string | undefined;
	readonly details: Readonly<Record<string, unknown>>;
	readonly retryAfterMs: number | undefined;

	constructor(problem: Problem, cause?: unknown) {
		super(problem.detail, cause === undefined ? undefined : { cause });
		this.reason = problem.reason;
		this.status = problem.status;
		this.type = problem.type;
		this.title = problem.title;
		this.detail = problem.detail;
		this.instance = problem.instance;
		this.errors = problem.errors;
		this.requestId = problem.requestId;
		this.details = problem.details;
		this.retryAfterMs = problem.retryAfterMs;
	}

	/** As application/problem+json. */
	toJSON(): Record<string, unknown> {
		const { type, title, status, detail, instance, reason, errors, requestId, details } = this;
		return { type, title, status, detail, instance, reason, errors, request_id: requestId, details };
	}
}

const typeOf = (reason: string): string => `/problems/${reason.toLowerCase().replaceAll("_", "-")}`;
const isReason = (text: unknown): text is Reason => typeof text === "string" && Object.hasOwn(REASONS, text);

/** No answer came. `sent`: whether the service may have seen the request. */
export function unreachable(address: string, why: string, sent: boolean, cause?: unknown): DakApiError {
	return new DakApiError(
		{
			reason: "UNREACHABLE",
			status: 0,
			type: typeOf("UNREACHABLE"),
			title: "No answer",
			detail: `${address} does not answer: ${why}`,
			errors: [],
			details: { address, sent },
		},
		cause,
	);
}

/** Text Embeddings Inference's and OpenAI's errors carry no reason of ours; their status tells the ones that a caller acts on. */
function reasonOf(status: number, body: Readonly<Record<string, unknown>>): ApiReason {
	const inner = (body.error as { code?: unknown } | undefined)?.code;
	const code = String(inner ?? "").toUpperCase();
	if (isReason(body.reason)) return body.reason;
	// In OpenAI's shape an adapter is a model.
	if (body.error_type === "NotFound" || code === "MODEL_NOT_FOUND") return "ADAPTER_NOT_FOUND";
	if (isReason(code)) return code;
	if (status === 429) return "OVERLOADED";
	if (status === 503) return "UNAVAILABLE";
	if (body.error_type === "Empty") return "EMPTY_INPUT";
	if (body.error_type === "Tokenizer") return "TOKENIZATION_FAILED";
	if (status === 413) return "PAYLOAD_TOO_LARGE";
	if (status === 401) return "UNAUTHENTICATED";
	if (status === 403) return "PERMISSION_DENIED";
	return body.error_type === "Validation" ? "INVALID_REQUEST" : "HTTP_ERROR";
}

/** Retry-After: seconds, or a date. */
function retryAfterMs(value: string | null): number | undefined {
	if (value === null) return undefined;
	const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
	return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function parsed(text: string): Readonly<Record<string, unknown>> {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		return {};
	}
}

/** The error that an answer stands for, read to its end. */
export async function errorOfResponse(response: Response, method: string): Promise<DakApiError> {
	const text = await response.text().catch(() => "");
	const body = parsed(text);
	const error = body.error as string | { message?: string } | undefined;
	const said = body.detail ?? (typeof error === "string" ? error : error?.message);
	const path = new URL(response.url).pathname;
	const reason = reasonOf(response.status, body);
	return new DakApiError({
		reason,
		status: response.status,
		type: typeof body.type === "string" ? body.type : typeOf(reason),
		title: typeof body.title === "string" ? body.title : isReason(reason) ? REASONS[reason].title : response.statusText,
		detail: typeof said === "string" ? said : `${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`,
		instance: path,
		errors: Array.isArray(body.errors) ? (body.errors as FieldViolation[]) : [],
		requestId: response.headers.get("x-request-id") ?? undefined,
		details: (body.details as Record<string, unknown> | undefined) ?? {},
		retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
	});
}

/** Codes that grpc-js itself ends a call with where there is no connection, or it breaks: INTERNAL, UNAVAILABLE and CANCELLED. */
const LOST: readonly (number | undefined)[] = [1, 13, 14];

/** Whether a failure is the connection's: the services' own all carry details. */
function isLost({ cause }: DakError): boolean {
	const { code, metadata } = (cause ?? {}) as Partial<ServiceError>;
	return LOST.includes(code) && metadata?.get("grpc-status-details-bin").length === 0;
}

/** The same error from a gRPC call; anything that is no failure of a call stays as it is. */
export function errorOfGrpc(error: unknown, address: string): unknown {
	if (!(error instanceof DakError)) return error;
	if (isLost(error)) return unreachable(address, error.message, !/ECONNREFUSED|No connection/i.test(error.message), error);
	const { reason, message, fields, details, retryAfterMs: delay, row } = error;
	return new DakApiError(
		{ reason, status: row.http, type: typeOf(reason), title: row.title, detail: message, errors: fields, details, retryAfterMs: delay },
		error,
	);
}
