/** When a call is made again, and after how long. */
import { setTimeout as pause } from "node:timers/promises";
import { DakApiError } from "./api-error.js";

export interface RetryOptions {
	/** Further tries after the first; 0 switches retries off. */
	readonly retries: number;
	/** Before the second try; doubled each time. */
	readonly baseMs: number;
	/** Longest wait; a Retry-After beyond it ends the call. */
	readonly maxMs: number;
	/** Hears of each wait. */
	readonly onRetry?: ((retry: Retry) => void) | undefined;
}

export interface Retry {
	readonly error: DakApiError;
	/** 1 for the first. */
	readonly attempt: number;
	readonly delayMs: number;
}

export const DEFAULT_RETRY: RetryOptions = { retries: 4, baseMs: 200, maxMs: 120_000 };

/** Statuses of a gateway that may have handed the request on. */
const GATEWAY = [502, 504];

/**
 * Whether another try is safe and may help: a service that refused (429, 503) or was not reached has done nothing; one that went
 * silent may have, so that only what can be repeated is.
 */
export function mayRetry(error: unknown, idempotent: boolean): boolean {
	if (!(error instanceof DakApiError)) return false;
	if (error.status === 429 || error.status === 503) return true;
	if (error.reason === "UNREACHABLE") return idempotent || error.details.sent === false;
	return idempotent && GATEWAY.includes(error.status);
}

/** Half of the wait is drawn by chance, so that clients that were refused together do not come back together. */
export function delayBefore(attempt: number, error: DakApiError, { baseMs, maxMs }: RetryOptions, random = Math.random): number {
	const backoff = Math.min(maxMs, baseMs * 2 ** (attempt - 1));
	const jittered = backoff * (0.5 + random() / 2);
	return error.retryAfterMs === undefined ? jittered : error.retryAfterMs + random() * Math.min(1000, backoff);
}

export interface Attempted {
	readonly idempotent: boolean;
	readonly signal?: AbortSignal | undefined;
}

/** Makes a call, again where that is safe. @throws DakApiError of the last try; the signal's reason once it aborts */
export async function withRetries<T>(call: () => Promise<T>, { idempotent, signal }: Attempted, options: RetryOptions): Promise<T> {
	for (let attempt = 1; ; attempt++) {
		signal?.throwIfAborted();
		try {
			return await call();
		} catch (error) {
			if (signal?.aborted) throw signal.reason;
			if (
				!(error instanceof DakApiError) ||
				attempt > options.retries ||
				!mayRetry(error, idempotent) ||
				(error.retryAfterMs ?? 0) > options.maxMs
			)
				throw error;
			const delayMs = delayBefore(attempt, error, options);
			options.onRetry?.({ error, attempt, delayMs });
			await waitFor(delayMs, signal);
		}
	}
}

/** @throws the signal's reason once it aborts */
export async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
	try {
		await pause(ms, undefined, signal && { signal });
	} catch (error) {
		throw signal?.aborted ? signal.reason : error;
	}
}
