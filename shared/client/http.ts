/** One service's REST API: JSON there and back, with retries, deadlines and the client's one error. */
import { DakApiError, errorOfResponse, unreachable } from "./api-error.js";
import type { CallSettings, Settings } from "./options.js";
import { withRetries } from "./retry.js";

type Body = NonNullable<RequestInit["body"]>;

export interface RestRequest extends CallSettings {
	readonly method?: "GET" | "POST" | "DELETE";
	/** Sent as JSON. */
	readonly json?: unknown;
	/** Sent as it is; made anew for every try. */
	readonly body?: (() => Body) | undefined;
	readonly headers?: Readonly<Record<string, string>>;
	readonly query?: Readonly<Record<string, string | number | undefined>>;
	/** Whether a try that may have been carried out can be repeated; default: GET and DELETE. */
	readonly idempotent?: boolean;
}

export class RestCaller {
	constructor(
		readonly baseUrl: string,
		private readonly settings: Settings,
	) {}

	/** The answer's JSON. @throws DakApiError */
	async json<T>(path: string, request: RestRequest = {}): Promise<T> {
		return (await this.call(path, request, (response) => response.json())) as T;
	}

	/** An answer of 2xx, read by `read` within the same try: a body that breaks off counts as no answer. @throws DakApiError */
	call<T>(path: string, request: RestRequest, read: (response: Response) => T | Promise<T>): Promise<T> {
		const { method = "GET", idempotent = method !== "POST", signal } = request;
		return withRetries(() => this.#once(path, method, request, read), { idempotent, signal }, this.settings.retry);
	}

	async #once<T>(path: string, method: string, request: RestRequest, read: (response: Response) => T | Promise<T>): Promise<T> {
		const deadline = request.body ? [] : [AbortSignal.timeout(this.settings.timeoutMs)];
		const signal = AbortSignal.any([...deadline, ...(request.signal ? [request.signal] : [])]);
		try {
			const response = await this.settings.fetch(this.#url(path, request.query), this.#init(method, request, signal));
			if (!response.ok) throw await errorOfResponse(response, method);
			return await read(response);
		} catch (error) {
			if (request.signal?.aborted) throw request.signal.reason;
			throw error instanceof DakApiError ? error : this.#silent(error);
		}
	}

	#url(path: string, query: RestRequest["query"] = {}): string {
		const search = new URLSearchParams();
		for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
		return this.baseUrl + path + (search.size > 0 ? `?${search}` : "");
	}

	#init(method: string, { json, body, headers }: RestRequest, signal: AbortSignal): RequestInit & { duplex?: "half" } {
		const key = this.settings.apiKey === undefined ? {} : { authorization: `Bearer ${this.settings.apiKey}` };
		const init = { method, signal, headers: { ...key, ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers } };
		if (json !== undefined) return { ...init, body: JSON.stringify(json) };
		return body ? { ...init, body: body(), duplex: "half" } : init;
	}

	/** fetch says only that it failed; why is in its cause. */
	#silent(error: unknown): DakApiError {
		const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
		if (name === "TimeoutError") return unreachable(this.baseUrl, `no answer within ${this.settings.timeoutMs / 1000} s`, true, error);
		const refused = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"].includes(cause?.code ?? "");
		return unreachable(this.baseUrl, cause?.message || cause?.code || message, !refused, error);
	}
}
