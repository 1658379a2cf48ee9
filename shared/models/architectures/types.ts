/** What the rest of the program asks an architecture: how its config.json reads, and what its tensors are called. */
import type { z } from "zod";
import type { EncoderConfig } from "../types.js";

export interface LinearLayer {
	/** Its module in transformers' model, which PEFT's adapters name. */
	readonly path: string;
	readonly inFeatures: number;
	readonly outFeatures: number;
}

/** A layer's modules by what they do. */
export interface LayerLayout {
	/** Make query, key and value, in this order, of one input. */
	readonly attention: readonly LinearLayer[];
	/** Mixes the heads. */
	readonly mixed: LinearLayer;
	/** Into the feed-forward block; with a gate: what the activation is of, then what it is multiplied with. */
	readonly wide: readonly LinearLayer[];
	readonly narrow: LinearLayer;
	/** Unset where the states come normalised. */
	readonly attentionNorm: string | undefined;
	readonly outputNorm: string;
	/** Over each head's query and key. */
	readonly headNorms?: { readonly query: string; readonly key: string } | undefined;
}

export interface Layout {
	/** Tables: the word embeddings, and those of positions, token types and relative positions where there are any. */
	readonly words: string;
	readonly positions?: string | undefined;
	readonly types?: string | undefined;
	readonly relative?: string | undefined;
	readonly embeddingNorm?: string | undefined;
	readonly finalNorm?: string | undefined;
	readonly linearBias: boolean;
	/** layer: mean and variance; rms: root mean square. */
	readonly norms: "layer" | "rms";
	readonly normBias: boolean;
	/** Norms come before their block, and what is added to the states is not normalised; otherwise after it. */
	readonly normsFirst: boolean;
	readonly layers: readonly LayerLayout[];
}

/** One architecture. `schema` refuses what is not supported, naming the field. */
export interface ArchitectureRow<S extends z.ZodType = z.ZodType> {
	/** Values of config.json's model_type. */
	readonly modelTypes: readonly string[];
	readonly schema: S;
	encoder(config: z.output<S>): EncoderConfig;
	layout(config: EncoderConfig): Layout;
}

/** Keeps a row's types together. */
export const architecture = <S extends z.ZodType>(row: ArchitectureRow<S>): ArchitectureRow => row as unknown as ArchitectureRow;
