/** What every answer with vectors, or made of them, says about itself. */
import type { EmbedResult, TextInput } from "../application/index.js";

/** What x-dak-adapter says: each adapter and generation that the answer's vectors come from. */
export const adapterHeader = (adapters: readonly string[]): string => [...new Set(adapters.map((name) => name || "base"))].join(", ");

/** Characters of texts, as Text Embeddings Inference counts them; token ids have none. */
export const charactersOf = (inputs: readonly TextInput[]): number =>
	inputs.reduce((sum, input) => sum + (typeof input === "string" ? [...input].length : 0), 0);

export interface Answered extends Pick<EmbedResult, "adapters" | "tokens" | "times"> {
	readonly characters: number;
}

/** Whole milliseconds. */
const ms = (time: number): string => `${Math.round(time)}`;

/** x-dak-adapter, and the headers that Text Embeddings Inference sends. */
export function answerHeaders({ adapters, tokens, times, characters }: Answered, device: string): Record<string, string> {
	return {
		"x-dak-adapter": adapterHeader(adapters),
		"x-compute-type": device,
		"x-compute-time": ms(times.totalMs),
		"x-compute-characters": `${characters}`,
		"x-compute-tokens": `${tokens}`,
		"x-total-time": ms(times.totalMs),
		"x-tokenization-time": ms(times.tokenizeMs),
		"x-queue-time": ms(times.queueMs),
		"x-inference-time": ms(times.inferenceMs),
	};
}

/** The headers by name, for a route's declaration. */
export const ANSWER_HEADERS = {
	"x-dak-adapter": "name@generation of the adapters used, or base",
	"x-compute-type": "Device",
	"x-compute-time": "Milliseconds in all",
	"x-compute-characters": "Characters of all inputs",
	"x-compute-tokens": "Tokens of all inputs",
	"x-total-time": "Milliseconds in all",
	"x-tokenization-time": "Milliseconds of tokenising",
	"x-queue-time": "Milliseconds until the first text ran",
	"x-inference-time": "Milliseconds from there to the last text's end",
} as const;
