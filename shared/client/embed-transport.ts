/** One embed or similarity request over either protocol. */
import { errorOfGrpc } from "./api-error.js";
import type { Embedded, EmbedOptions } from "./embeddings.js";
import type { GrpcClients } from "./grpc.js";
import type { RestCaller } from "./http.js";
import type { CallSettings, Settings } from "./options.js";
import { withRetries } from "./retry.js";

export interface TextSettings {
	/** An adapter's name; unset: the base. */
	readonly adapter?: string | undefined;
	/** Cut texts that are too long; default: they are refused. */
	readonly truncate?: boolean | undefined;
	/** One of the base model's prompts. */
	readonly promptName?: string | undefined;
}

type BatchOptions = Pick<EmbedOptions, "adapter" | "truncate" | "promptName" | "normalize" | "dimensions" | "signal">;

export interface EmbedTransport {
	embed(texts: readonly string[], options: BatchOptions): Promise<Embedded>;
	similarity(source: string, sentences: readonly string[], options: TextSettings & CallSettings): Promise<number[]>;
}

/** Without the fields that are not set. */
const given = <T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
	Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

export function restTransport(rest: RestCaller): EmbedTransport {
	return {
		embed(texts, { adapter, truncate, promptName, normalize, dimensions, signal }) {
			const json = { inputs: texts, adapter, truncate, prompt_name: promptName, normalize, dimensions };
			return rest.call("/embed", { method: "POST", json, idempotent: true, signal }, async (response) => ({
				adapters: (response.headers.get("x-dak-adapter") ?? "base").split(", "),
				vectors: ((await response.json()) as number[][]).map((vector) => Float32Array.from(vector)),
			}));
		},
		similarity(source, sentences, { adapter, truncate, promptName, signal }) {
			const json = { inputs: { source_sentence: source, sentences }, adapter, truncate, prompt_name: promptName };
			return rest.json("/similarity", { method: "POST", json, idempotent: true, signal });
		},
	};
}

export function grpcTransport(grpc: GrpcClients, { embedGrpc, timeoutMs, retry }: Settings): EmbedTransport {
	const call = <T>(signal: AbortSignal | undefined, make: (options: { timeoutMs: number; signal?: AbortSignal }) => Promise<T>) =>
		withRetries(
			() =>
				make({ timeoutMs, ...(signal && { signal }) }).catch((error: unknown) => {
					throw errorOfGrpc(error, embedGrpc);
				}),
			{ idempotent: true, signal },
			retry,
		);
	return {
		embed: (texts, { adapter, signal, truncate, promptName, normalize, dimensions }) =>
			call(signal, async (options) => {
				const request = given({ truncate, promptName, normalize, dimensions });
				const adapters = adapter === undefined ? [] : [adapter];
				const answer = await grpc.embed.embed({ inputs: [...texts], adapters, ...request }, options);
				return {
					adapters: [...new Set(answer.adapters.map((name) => name || "base"))],
					vectors: answer.embeddings.map(({ values }) => Float32Array.from(values)),
				};
			}),
		similarity: (sourceSentence, sentences, { signal, ...settings }) =>
			call(signal, async (options) => {
				const request = { sourceSentence, sentences: [...sentences], ...given(settings) };
				return (await grpc.embed.similarity(request, options)).similarities;
			}),
	};
}
