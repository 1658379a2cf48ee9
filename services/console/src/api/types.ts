/** What the console reads: the client library's types of the API, and what those leave open. */
export type { AdapterJson, JobEventJson, JobJson, JobPage, ProgressJson } from "@dak/shared/client";

export interface Histogram {
	/** Greatest length that is counted here. */
	readonly to: number;
	readonly texts: number;
}

export interface Statistics {
	readonly texts: number;
	readonly records: number;
	readonly blank_removed: number;
	readonly duplicates_removed: number;
	readonly near_duplicates_removed: number;
	readonly too_long_removed: number;
	readonly too_short_removed: number;
	readonly split: { readonly texts: number; readonly added: number };
	readonly characters: { readonly mean: number; readonly p50: number; readonly p95: number; readonly max: number };
	readonly tokens: {
		readonly base_model: string;
		readonly p50: number;
		readonly p95: number;
		readonly max: number;
		readonly over_limit: number;
		readonly unknown_rate: number;
		readonly histogram: readonly Histogram[];
	} | null;
	readonly languages: readonly { readonly language: string; readonly share: number }[];
	readonly sample: readonly string[];
	readonly warnings: readonly string[];
}

export interface Dataset {
	readonly id: string;
	readonly filename: string;
	readonly bytes: number;
	readonly statistics: Statistics;
}

export interface Fitting {
	readonly batch_size: number;
	readonly gradient_accumulation: number;
	readonly max_length: number;
	readonly gradient_checkpointing: boolean;
	readonly total_bytes: number;
}

export interface Estimate {
	readonly weights_bytes: number;
	readonly optimizer_bytes: number;
	readonly activations_bytes: number;
	readonly logits_bytes: number;
	readonly embeddings_bytes: number;
	readonly process_bytes: number;
	readonly total_bytes: number;
	readonly available_bytes: number;
	readonly fits: boolean;
	readonly what_would_fit: readonly Fitting[];
	readonly device: string;
	readonly steps: number;
	readonly seconds: number;
	readonly seconds_low: number;
	readonly seconds_high: number;
	readonly basis: readonly string[];
}

export interface Neighbour {
	readonly text: string;
	readonly cosine: number;
}

type Scores = Readonly<Record<string, number>>;

/** A job's report; parts that this page does not know are left out of it. */
export interface Report {
	readonly verdict: string;
	readonly summary: string;
	readonly retrieval?: {
		readonly queries: number;
		readonly corpus: number;
		readonly base: Scores;
		readonly adapted: Scores;
		readonly gain: number;
		readonly ci95: readonly [number, number];
	};
	readonly sanity?: {
		readonly texts: number;
		readonly similarity_correlation: number;
		readonly mean_cosine: { readonly base: number; readonly adapted: number };
		readonly collapsed: boolean;
		/** Similarity of general sentences by language: what falls here was forgotten. */
		readonly general?: Readonly<Record<string, { readonly base: Scores; readonly adapted: Scores }>>;
		readonly checks?: readonly { readonly name: string; readonly passed: boolean; readonly found: string }[];
	};
	/** Why the objective is as it is. */
	readonly objective?: { readonly reason: string };
	/** Pairs of texts by their cosine, in bins of equal width. */
	readonly similarity_histogram?: {
		readonly from: number;
		readonly to: number;
		readonly base: readonly number[];
		readonly adapted: readonly number[];
	};
	readonly projection?: {
		readonly variance: readonly [number, number];
		readonly base: readonly (readonly [number, number])[];
		readonly adapted: readonly (readonly [number, number])[];
	};
	readonly validation?: { readonly texts: number; readonly loss_before: number; readonly loss_after: number };
	readonly neighbours?: readonly { readonly text: string; readonly base: readonly Neighbour[]; readonly adapted: readonly Neighbour[] }[];
	readonly loss?: { readonly curve?: readonly Readonly<Record<string, number>>[] };
}

export interface Info {
	readonly model_id: string;
	readonly model_sha: string;
	readonly dimension: number;
	readonly device: string;
	readonly max_client_batch_size: number;
}

/** Cosines under one adapter, and what they come from: `name@generation`, or base. */
export interface Similarities {
	readonly adapter: string;
	readonly values: readonly number[];
}
