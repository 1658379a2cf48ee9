/** One embed or similarity request over either protocol. */

import { LongTexts } from "../proto/index.js";
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
	/** What is done with texts that are too long, in place of `truncate`; `window` embeds them in parts and takes the mean. */
	readonly longTexts?: "refuse" | "truncate" | "window" | undefined;
	/** One of the base model's prompts. */
	readonly promptName?: string | undefined;
}

type BatchOptions = Pick<EmbedOptions, "adapter" | "truncate" | "longTexts" | "promptName" | "normalize" | "dimensions" | "signal">;

export interface EmbedTransport {
	embed(texts: readonly string[], options: BatchOptions): Promise<Embedded>;
	similarity(source: string, sentences: readonly string[], options: TextSettings & CallSettings): Promise<number[]>;
}

/** Without the fields that are not set. */
const given = <T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
	Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

const LONG_TEXTS = { refuse: LongTexts.REFUSE, truncate: LongTexts.TRUNCATE, window: LongTexts.WINDOW } as const;

export function restTransport(rest: RestCaller): EmbedTransport {
	return {
		embed(texts, { adapter, truncate, longTexts, promptName, normalize, dimensions, signal }) {
			const json = { inputs: texts, adapter, truncate, long_texts: longTexts, prompt_name: promptName, normalize, dimensions };
			return rest.call("/embed", { method: "POST", json, idempotent: true, signal }, async (response) => ({
				adapters: (response.headers.get("x-dak-adapter") ?? "base").split(", "),
				vectors: ((await response.json()) as number[][]).map((vector) => Float32Array.from(vector)),
			}));
		},
		similarity(source, sentences, { adapter, truncate, longTexts, promptName, signal }) {
			const inputs = { source_sentence: source, sentences };
			const json = { inputs, adapter, truncate, long_texts: longTexts, prompt_name: promptName };
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
		embed: (texts, { adapter, signal, truncate, longTexts, promptName, normalize, dimensions }) =>
			call(signal, async (options) => {
				const request = given({ truncate, longTexts: longTexts && LONG_TEXTS[longTexts], promptName, normalize, dimensions });
				const adapters = adapter === undefined ? [] : [adapter];
				const answer = await grpc.embed.embed({ inputs: [...texts], adapters, ...request }, options);
				return {
					adapters: [...new Set(answer.adapters.map((name) => name || "base"))],
					vectors: answer.embeddings.map(({ values }) => Float32Array.from(values)),
				};
			}),
		similarity: (sourceSentence, sentences, { signal, longTexts, ...settings }) =>
			call(signal, async (options) => {
				const texts = { sourceSentence, sentences: [...sentences] };
				const request = { ...texts, ...given({ ...settings, longTexts: longTexts && LONG_TEXTS[longTexts] }) };
				return (await grpc.embed.similarity(request, options)).similarities;
			}),
	};
}
