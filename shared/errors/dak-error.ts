/**
 * The one error class of the project. A `reason` is stable and machine-readable; REASONS maps it to every protocol's
 * code, so that REST and gRPC can never disagree about the same failure. Messages give what was found and what is allowed.
 */

/** gRPC status codes by name (google.rpc.Code). */
export const GRPC_CODES = {
	CANCELLED: 1,
	INVALID_ARGUMENT: 3,
	DEADLINE_EXCEEDED: 4,
	NOT_FOUND: 5,
	ALREADY_EXISTS: 6,
	PERMISSION_DENIED: 7,
	RESOURCE_EXHAUSTED: 8,
	FAILED_PRECONDITION: 9,
	ABORTED: 10,
	UNIMPLEMENTED: 12,
	INTERNAL: 13,
	UNAVAILABLE: 14,
	UNAUTHENTICATED: 16,
} as const;

export type GrpcCodeName = keyof typeof GRPC_CODES;

interface ReasonRow {
	/** HTTP status. */
	readonly http: number;
	readonly grpc: GrpcCodeName;
	/** `error_type` of Text Embeddings Inference's error body. */
	readonly tei: "empty" | "validation" | "tokenizer" | "overloaded" | "unhealthy" | "backend" | "not_found";
	/** RFC 9457 title. */
	readonly title: string;
}

export const REASONS = {
	EMPTY_INPUT: { http: 400, grpc: "INVALID_ARGUMENT", tei: "empty", title: "Empty input" },
	INVALID_REQUEST: { http: 422, grpc: "INVALID_ARGUMENT", tei: "validation", title: "Invalid request" },
	MALFORMED_BODY: { http: 400, grpc: "INVALID_ARGUMENT", tei: "validation", title: "Malformed body" },
	INVALID_DATASET: { http: 422, grpc: "INVALID_ARGUMENT", tei: "validation", title: "Unusable dataset" },
	INVALID_MODEL: { http: 422, grpc: "FAILED_PRECONDITION", tei: "validation", title: "Unusable model files" },
	TOKENIZATION_FAILED: { http: 422, grpc: "INVALID_ARGUMENT", tei: "tokenizer", title: "Tokenization failed" },
	PAYLOAD_TOO_LARGE: { http: 413, grpc: "INVALID_ARGUMENT", tei: "validation", title: "Payload too large" },
	UNSUPPORTED_MEDIA_TYPE: { http: 415, grpc: "INVALID_ARGUMENT", tei: "validation", title: "Unsupported media type" },
	UNAUTHENTICATED: { http: 401, grpc: "UNAUTHENTICATED", tei: "validation", title: "Not authenticated" },
	PERMISSION_DENIED: { http: 403, grpc: "PERMISSION_DENIED", tei: "validation", title: "Not permitted" },
	ROUTE_NOT_FOUND: { http: 404, grpc: "NOT_FOUND", tei: "not_found", title: "No such route" },
	METHOD_NOT_ALLOWED: { http: 405, grpc: "UNIMPLEMENTED", tei: "validation", title: "Method not allowed" },
	JOB_NOT_FOUND: { http: 404, grpc: "NOT_FOUND", tei: "not_found", title: "No such job" },
	DATASET_NOT_FOUND: { http: 404, grpc: "NOT_FOUND", tei: "not_found", title: "No such dataset" },
	ARTIFACT_NOT_FOUND: { http: 404, grpc: "NOT_FOUND", tei: "not_found", title: "No such artifact" },
	ADAPTER_NOT_FOUND: { http: 404, grpc: "NOT_FOUND", tei: "not_found", title: "No such adapter" },
	MODEL_NOT_FOUND: { http: 422, grpc: "NOT_FOUND", tei: "not_found", title: "No such base model" },
	ADAPTER_INCOMPATIBLE: { http: 422, grpc: "FAILED_PRECONDITION", tei: "validation", title: "Adapter does not fit the base" },
	STATE_CONFLICT: { http: 409, grpc: "FAILED_PRECONDITION", tei: "validation", title: "Not possible in this state" },
	IDEMPOTENCY_CONFLICT: { http: 409, grpc: "ALREADY_EXISTS", tei: "validation", title: "Idempotency key used for another request" },
	GENERATION_MISMATCH: { http: 409, grpc: "ABORTED", tei: "validation", title: "Adapter generation changed" },
	OVERLOADED: { http: 429, grpc: "RESOURCE_EXHAUSTED", tei: "overloaded", title: "Overloaded" },
	DRAINING: { http: 503, grpc: "UNAVAILABLE", tei: "unhealthy", title: "Shutting down" },
	UNAVAILABLE: { http: 503, grpc: "UNAVAILABLE", tei: "unhealthy", title: "Not available" },
	DEADLINE_EXCEEDED: { http: 504, grpc: "DEADLINE_EXCEEDED", tei: "overloaded", title: "Deadline exceeded" },
	CANCELLED: { http: 499, grpc: "CANCELLED", tei: "backend", title: "Cancelled" },
	INSUFFICIENT_MEMORY: { http: 422, grpc: "FAILED_PRECONDITION", tei: "validation", title: "Does not fit in memory" },
	NOT_IMPLEMENTED: { http: 501, grpc: "UNIMPLEMENTED", tei: "validation", title: "Not implemented" },
	TRAINING_FAILED: { http: 500, grpc: "INTERNAL", tei: "backend", title: "Training failed" },
	STORAGE_FAILED: { http: 507, grpc: "UNAVAILABLE", tei: "backend", title: "Storage failed" },
	RUNTIME_FAILED: { http: 500, grpc: "INTERNAL", tei: "backend", title: "Model run failed" },
	INTERNAL: { http: 500, grpc: "INTERNAL", tei: "backend", title: "Internal error" },
} as const satisfies Record<string, ReasonRow>;

export type Reason = keyof typeof REASONS;

/** One invalid field: `pointer` is a JSON pointer (RFC 6901) into the request. */
export interface FieldViolation {
	readonly pointer: string;
	/** What was found and what is allowed. */
	readonly detail: string;
}

export interface DakErrorOptions {
	readonly fields?: readonly FieldViolation[] | undefined;
	/** Further machine-readable facts; never a secret. */
	readonly details?: Readonly<Record<string, string | number | boolean>> | undefined;
	readonly retryAfterMs?: number | undefined;
	readonly cause?: unknown;
}

export class DakError extends Error {
	override readonly name = "DakError";
	readonly fields: readonly FieldViolation[];
	readonly details: Readonly<Record<string, string | number | boolean>>;
	readonly retryAfterMs: number | undefined;

	constructor(
		readonly reason: Reason,
		message: string,
		options: DakErrorOptions = {},
	) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.fields = options.fields ?? [];
		this.details = options.details ?? {};
		this.retryAfterMs = options.retryAfterMs;
	}

	/** The row of REASONS that says how each protocol shows this error. */
	get row(): ReasonRow {
		return REASONS[this.reason];
	}
}

/** An INVALID_REQUEST about one field. */
export function invalidField(pointer: string, detail: string): DakError {
	return new DakError("INVALID_REQUEST", `${pointer}: ${detail}`, { fields: [{ pointer, detail }] });
}

/** Codes of Node's and SQLite's errors that say that the machine's storage is the matter, and how to say it. */
const STORAGE_CODES: Readonly<Record<string, string>> = {
	ENOSPC: "no space is left on the disk",
	EDQUOT: "the disk quota is used up",
	EROFS: "the file system is read-only",
	SQLITE_FULL: "no space is left for the job store",
	SQLITE_IOERR_SHMSIZE: "no space is left for the job store",
	SQLITE_IOERR_WRITE: "the job store cannot be written",
	SQLITE_IOERR_FSYNC: "the job store cannot be written",
};

/**
 * Any thrown value as a DakError. A full disk is told as what it is; anything else that is not one already is a programmer's fault
 * and becomes INTERNAL, its text kept out of answers.
 */
export function toDakError(error: unknown): DakError {
	if (error instanceof DakError) return error;
	const storage = STORAGE_CODES[String((error as { code?: unknown } | null | undefined)?.code)];
	if (storage !== undefined) return new DakError("STORAGE_FAILED", storage, { cause: error });
	return new DakError("INTERNAL", "internal error; the log has the details", { cause: error });
}

/** What the file system says of a failure, without the machine's paths. */
export function storageText(error: unknown): string {
	const { reason, message } = toDakError(error);
	return reason === "INTERNAL" ? String((error as Error | undefined)?.message ?? error).replace(/, \w+ ['"].*$/s, "") : message;
}

/** Throws INTERNAL where a programmer's assumption does not hold. */
export function assert(condition: unknown, message: string): asserts condition {
	if (!condition) throw new Error(`assertion failed: ${message}`);
}
