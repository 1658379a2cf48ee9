/** One case a way in which a request to embed-service can be wrong: both protocols must refuse it for the same reason. */
import type { Reason } from "@dak/shared/errors";

interface BadCase {
	readonly name: string;
	readonly reason: Reason;
	/** Must be in the message: what was found, what is allowed. */
	readonly says: readonly string[];
	/** Protobuf has no way to say this. */
	readonly restOnly?: boolean;
}

export interface EmbedCase extends BadCase {
	/** REST's body; where gRPC can say it, with strings for inputs. */
	readonly body: Readonly<Record<string, unknown>>;
}

/** The service under test takes at most so many texts, and bytes a text. */
export const LIMITS = { texts: 8, textBytes: 20_000 } as const;
/** 302 tokens; all-MiniLM-L6-v2 takes 256. */
const LONG = "hat ".repeat(300);

export const BAD_EMBEDS: readonly EmbedCase[] = [
	{ name: "no inputs", body: { inputs: [] }, reason: "EMPTY_INPUT", says: ["found none", "at least one"] },
	{ name: "an empty text", body: { inputs: ["hat", ""] }, reason: "EMPTY_INPUT", says: ["inputs/1"] },
	{ name: "a text over the token limit", body: { inputs: ["hat", LONG] }, reason: "PAYLOAD_TOO_LARGE", says: ["inputs/1", "302", "256"] },
	{
		name: "a text over the byte limit",
		body: { inputs: ["x".repeat(LIMITS.textBytes + 1)], truncate: true },
		reason: "PAYLOAD_TOO_LARGE",
		says: ["20001", "20000"],
	},
	{
		name: "too many inputs",
		body: { inputs: Array.from({ length: LIMITS.texts + 1 }, () => "hat") },
		reason: "PAYLOAD_TOO_LARGE",
		says: ["found 9", "allowed: 8"],
	},
	{ name: "an unknown adapter", body: { inputs: ["hat"], adapter: "nobody" }, reason: "ADAPTER_NOT_FOUND", says: ["nobody"] },
	{
		name: "an unknown adapter beside a known one",
		body: { inputs: ["hat", "cap"], adapter: ["hats", "nobody"] },
		reason: "ADAPTER_NOT_FOUND",
		says: ["nobody"],
	},
	{
		name: "a generation that is not served",
		body: { inputs: ["hat"], adapter: "hats@7" },
		reason: "GENERATION_MISMATCH",
		says: ["hats", "generation 1", "7"],
	},
	{ name: "a generation of nobody", body: { inputs: ["hat"], adapter: "nobody@1" }, reason: "ADAPTER_NOT_FOUND", says: ["nobody"] },
	{
		name: "adapters for another number of inputs",
		body: { inputs: ["hat", "cap", "scarf"], adapter: ["hats", "hats"] },
		reason: "INVALID_REQUEST",
		says: ["/adapter", "found 2", "3 inputs"],
	},
	{
		name: "an unknown prompt",
		body: { inputs: ["hat"], prompt_name: "quary" },
		reason: "INVALID_REQUEST",
		says: ["/prompt_name", "quary", "allowed"],
	},
	{ name: "no dimension", body: { inputs: ["hat"], dimensions: 0 }, reason: "INVALID_REQUEST", says: ["/dimensions", "found 0"] },
	{
		name: "more dimensions than there are",
		body: { inputs: ["hat"], dimensions: 385 },
		reason: "INVALID_REQUEST",
		says: ["/dimensions", "385", "384"],
	},
	{ name: "no inputs field", body: {}, reason: "INVALID_REQUEST", says: ["/inputs", "nothing"], restOnly: true },
	{ name: "a number for inputs", body: { inputs: 7 }, reason: "INVALID_REQUEST", says: ["/inputs", "7"], restOnly: true },
	{ name: "texts and ids mixed", body: { inputs: ["hat", 7] }, reason: "INVALID_REQUEST", says: ["/inputs"], restOnly: true },
	{
		name: "a word for normalize",
		body: { inputs: ["hat"], normalize: "yes" },
		reason: "INVALID_REQUEST",
		says: ["/normalize", "yes"],
		restOnly: true,
	},
	{
		name: "a number for adapter",
		body: { inputs: ["hat"], adapter: 3 },
		reason: "INVALID_REQUEST",
		says: ["/adapter", "3"],
		restOnly: true,
	},
	{
		name: "an unknown direction",
		body: { inputs: ["hat"], truncation_direction: "up" },
		reason: "INVALID_REQUEST",
		says: ["/truncation_direction", "up", "left"],
		restOnly: true,
	},
	{
		name: "an unknown way with long texts",
		body: { inputs: ["hat"], long_texts: "fold" },
		reason: "INVALID_REQUEST",
		says: ["/long_texts", "fold", "window"],
		restOnly: true,
	},
	{
		name: "a fraction of a dimension",
		body: { inputs: ["hat"], dimensions: 1.5 },
		reason: "INVALID_REQUEST",
		says: ["/dimensions", "1.5"],
		restOnly: true,
	},
	{
		name: "a token id over the vocabulary",
		body: { inputs: [[101, 30522, 102]] },
		reason: "INVALID_REQUEST",
		says: ["/inputs/0", "30522", "30521"],
		restOnly: true,
	},
	{ name: "a negative token id", body: { inputs: [[-1]] }, reason: "INVALID_REQUEST", says: ["/inputs"], restOnly: true },
	{ name: "a text without tokens", body: { inputs: [[]] }, reason: "EMPTY_INPUT", says: ["inputs/0"], restOnly: true },
	{
		name: "more token ids than the model takes",
		body: { inputs: [Array.from({ length: 257 }, () => 1000)] },
		reason: "PAYLOAD_TOO_LARGE",
		says: ["257", "256"],
		restOnly: true,
	},
	{
		name: "too many token ids for a text in windows",
		body: { inputs: [Array.from({ length: 257 }, () => 1000)], long_texts: "window" },
		reason: "PAYLOAD_TOO_LARGE",
		says: ["257", "256"],
		restOnly: true,
	},
	{ name: "half a character", body: { inputs: ["hat \ud800"] }, reason: "TOKENIZATION_FAILED", says: ["surrogate"], restOnly: true },
];

export interface LoadCase extends BadCase {
	/** Name that is asked for; `strange` by default. */
	readonly as?: string;
	readonly source: { readonly path: string } | { readonly job_id: string };
}

/** `broken/…` are folders that the test puts below the artifact root. */
export const BAD_LOADS: readonly LoadCase[] = [
	{ name: "a folder that is not there", source: { path: "adapters/none" }, reason: "ADAPTER_NOT_FOUND", says: ["adapters/none"] },
	{ name: "a folder without an adapter", source: { path: "broken" }, reason: "ADAPTER_NOT_FOUND", says: ["adapter_model.safetensors"] },
	{ name: "pickled weights", source: { path: "broken/pickled" }, reason: "ADAPTER_NOT_FOUND", says: ["adapter_model.safetensors"] },
	{ name: "a path out of the root", source: { path: "../models" }, reason: "PERMISSION_DENIED", says: ["../models"] },
	{ name: "an absolute path", source: { path: "/etc" }, reason: "PERMISSION_DENIED", says: ["/etc"] },
	{ name: "a link out of the root", source: { path: "broken/link" }, reason: "PERMISSION_DENIED", says: ["broken/link"] },
	{ name: "an unknown job", source: { job_id: "job_none" }, reason: "ADAPTER_NOT_FOUND", says: ["job_none"] },
	{ name: "truncated weights", source: { path: "broken/truncated" }, reason: "ADAPTER_INCOMPATIBLE", says: ["adapter_model.safetensors"] },
	{ name: "a pickle called safetensors", source: { path: "broken/mislabelled" }, reason: "ADAPTER_INCOMPATIBLE", says: [] },
	{ name: "another base's adapter", source: { path: "broken/other-base" }, reason: "ADAPTER_INCOMPATIBLE", says: ["sha256:bbbb"] },
	{ name: "a canary that comes out wrong", source: { path: "broken/wrong-canary" }, reason: "ADAPTER_INCOMPATIBLE", says: ["canary"] },
	{
		name: "a layer of another size",
		source: { path: "broken/other-size" },
		reason: "ADAPTER_INCOMPATIBLE",
		says: ["8 → 384", "384 → 384"],
	},
	{
		name: "a layer that the base lacks",
		source: { path: "broken/other-layer" },
		reason: "ADAPTER_INCOMPATIBLE",
		says: ["encoder.layer.6.attention.self.query"],
	},
	{ name: "a rank over the limit", source: { path: "broken/high-rank" }, reason: "ADAPTER_INCOMPATIBLE", says: ["rank 32", "16"] },
	{
		name: "a configuration that is no JSON",
		source: { path: "broken/no-json" },
		reason: "ADAPTER_INCOMPATIBLE",
		says: ["adapter_config.json"],
	},
	{ name: "another kind of adapter", source: { path: "broken/not-lora" }, reason: "ADAPTER_INCOMPATIBLE", says: ["/peft_type", "IA3"] },
	{ name: "a name that is a path", as: "../x", source: { path: "broken/truncated" }, reason: "INVALID_REQUEST", says: ["/name"] },
];
