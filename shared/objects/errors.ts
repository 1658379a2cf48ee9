import { DakError } from "../errors/index.js";

interface ServiceError {
	readonly name?: string;
	readonly message?: string;
	readonly code?: string;
	readonly syscall?: string;
	readonly $metadata?: { readonly httpStatusCode?: number };
}

export const statusOf = (error: unknown): number | undefined => (error as ServiceError).$metadata?.httpStatusCode;

/** Whether it says that there is no such object. */
export const isMissing = (error: unknown): boolean => ["NoSuchKey", "NotFound"].includes((error as ServiceError).name ?? "");

/** Whether a conditional write found something there. */
export const isTaken = (error: unknown): boolean => statusOf(error) === 412 || statusOf(error) === 409;

/** Errors of this machine's files pass as they are; what the store refuses is its fault, and what does not answer may do so later. */
export function storeError(what: string, error: unknown): unknown {
	if (error instanceof DakError) return error;
	const { name = "", message = "", code, syscall } = error as ServiceError;
	const ofThisMachine = code !== undefined && ["open", "read", "write", "fsync", "rename", "mkdir", "stat"].includes(syscall ?? "");
	if (ofThisMachine) return error;
	const status = statusOf(error);
	const detail = `${what}: ${name === "" || name === "Error" ? "" : `${name}: `}${message}`;
	const later = status === undefined ? name !== "CredentialsProviderError" : status >= 500 || status === 429;
	return new DakError(later ? "UNAVAILABLE" : "STORAGE_FAILED", detail, { cause: error, ...(later ? { retryAfterMs: 5000 } : {}) });
}
