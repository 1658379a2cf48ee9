/** What a client is made of. */
import { DEFAULT_RETRY, type RetryOptions } from "./retry.js";

export interface DakClientOptions {
	/** train-service's REST address; default http://127.0.0.1:8080. */
	readonly trainUrl?: string | undefined;
	/** embed-service's REST address; default http://127.0.0.1:8081. */
	readonly embedUrl?: string | undefined;
	/** train-service's gRPC address, `host:port` or `grpcs://host:port`; default 127.0.0.1:50051. */
	readonly trainGrpc?: string | undefined;
	/** embed-service's gRPC address; default 127.0.0.1:50052. */
	readonly embedGrpc?: string | undefined;
	/** Protocol of embed and similarity; rest by default. gRPC carries vectors in binary. */
	readonly transport?: "rest" | "grpc" | undefined;
	readonly apiKey?: string | undefined;
	/** Each try of a call without a body of unknown length; default 60 s. */
	readonly timeoutMs?: number | undefined;
	readonly retry?: Partial<RetryOptions> | undefined;
	/** Longest that `jobs.watch` goes without a connection before it gives up; default 5 minutes. */
	readonly maxOutageMs?: number | undefined;
	/** In place of the global fetch. */
	readonly fetch?: typeof fetch | undefined;
}

export interface Settings {
	readonly trainUrl: string;
	readonly embedUrl: string;
	readonly trainGrpc: string;
	readonly embedGrpc: string;
	readonly transport: "rest" | "grpc";
	readonly apiKey: string | undefined;
	readonly timeoutMs: number;
	readonly retry: RetryOptions;
	readonly maxOutageMs: number;
	readonly fetch: typeof fetch;
}

/** Of every call. */
export interface CallSettings {
	readonly signal?: AbortSignal | undefined;
}

/** @throws TypeError naming the option for what is no http address */
function httpUrl(name: string, text: string): string {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (!url || !/^https?:$/.test(url.protocol)) throw new TypeError(`${name}: found ${JSON.stringify(text)}, allowed: http://host:port`);
	return url.href.replace(/\/+$/, "");
}

export function settingsOf(options: DakClientOptions): Settings {
	return {
		trainUrl: httpUrl("trainUrl", options.trainUrl ?? "http://127.0.0.1:8080"),
		embedUrl: httpUrl("embedUrl", options.embedUrl ?? "http://127.0.0.1:8081"),
		trainGrpc: options.trainGrpc ?? "127.0.0.1:50051",
		embedGrpc: options.embedGrpc ?? "127.0.0.1:50052",
		transport: options.transport ?? "rest",
		apiKey: options.apiKey || undefined,
		timeoutMs: options.timeoutMs ?? 60_000,
		retry: { ...DEFAULT_RETRY, ...options.retry },
		maxOutageMs: options.maxOutageMs ?? 300_000,
		fetch: options.fetch ?? fetch,
	};
}
