/** Requests to this page's own origin, with the key that was entered once. */
import { apiKey, askForKey } from "./key.js";

/** What a service answered in place of what was asked for. */
export class ApiFailure extends Error {
	constructor(
		message: string,
		readonly status: number,
		readonly reason: string,
	) {
		super(message);
	}
}

export interface RequestOptions {
	readonly method?: string;
	/** Sent as JSON; a Blob is sent as it is. */
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
	readonly signal?: AbortSignal | undefined;
}

/** The answer, once its status says that it is one. @throws ApiFailure; asks for a key where one is needed */
export async function send(path: string, { method, body, headers = {}, signal }: RequestOptions = {}): Promise<Response> {
	const key = apiKey();
	const raw = body instanceof Blob;
	const answer = await fetch(path, {
		method: method ?? (body === undefined ? "GET" : "POST"),
		headers: {
			...(body === undefined ? {} : { "content-type": raw ? "application/octet-stream" : "application/json" }),
			...(key === "" ? {} : { authorization: `Bearer ${key}` }),
			...headers,
		},
		...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
		...(signal ? { signal } : {}),
	}).catch((error: unknown) => {
		if (signal?.aborted) throw error;
		throw new ApiFailure("The service does not answer. It may be stopped, or starting.", 0, "UNREACHABLE");
	});
	if (answer.ok) return answer;
	const failure = await failureOf(answer);
	if (answer.status !== 401) throw failure;
	const words = key === "" ? "This service asks for an API key." : failure.message;
	askForKey(words);
	throw new ApiFailure(words, 401, failure.reason);
}

/** The answer's JSON. @throws ApiFailure */
export async function json<T>(path: string, options?: RequestOptions): Promise<T> {
	return (await (await send(path, options)).json()) as T;
}

/** Reads a problem (RFC 9457), or embed-service's `{error, error_type}`. */
async function failureOf(answer: Response): Promise<ApiFailure> {
	const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
	const text = body.detail ?? body.error ?? `${answer.status} ${answer.statusText}`;
	return new ApiFailure(String(text), answer.status, String(body.reason ?? body.error_type ?? "UNKNOWN"));
}

/** A thrown value in words. */
export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
