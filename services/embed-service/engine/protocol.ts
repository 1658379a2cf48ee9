/** What the serving thread and the engine's worker threads say to each other. */

import type { DenseModule } from "@dak/shared/adapters";
import type { EncoderConfig, Pooling } from "@dak/shared/models";
import type { ComputeMode, Nf4Linear, PackedTensor } from "@dak/shared/nn/inference";
import type { Device } from "@dak/shared/runtime";

export interface EngineSettings {
	readonly config: EncoderConfig;
	readonly pooling: Pooling;
	readonly device: Device;
	readonly threads: number;
	readonly compute: ComputeMode;
	readonly base: readonly PackedTensor[];
}

/** An adapted layer's factors as the graphs take them. */
export interface LayerFactors {
	readonly path: string;
	readonly r: number;
	/** [R,K] */
	readonly a: Float32Array;
	/** [R,N], the scale in it */
	readonly b: Float32Array;
}

export interface BatchMessage {
	/** All texts' ids, end to end. */
	readonly ids: Int32Array;
	/** Tokens of each text. */
	readonly lengths: readonly number[];
	/** Adapter of each text, 0 for the base. */
	readonly adapters: readonly number[];
}

export type EngineRequest =
	| { readonly kind: "add"; readonly adapter: number; readonly layers: readonly LayerFactors[]; readonly dense: DenseModule | undefined }
	/** Compile an adapter's own graph, its weights merged into the base's; answered with `done`. */
	| {
			readonly kind: "merged";
			readonly call: number;
			readonly adapter: number;
			readonly model: SharedArrayBuffer;
			readonly dense: DenseModule | undefined;
	  }
	| { readonly kind: "remove"; readonly adapter: number }
	/** Skip what waits, free everything, end. */
	| { readonly kind: "close" }
	| { readonly kind: "embed"; readonly call: number; readonly batch: BatchMessage };

export type EngineReply =
	| { readonly kind: "ready" }
	| { readonly kind: "failed"; readonly message: string }
	| { readonly kind: "vectors"; readonly call: number; readonly vectors: Float32Array }
	| { readonly kind: "done"; readonly call: number }
	| { readonly kind: "error"; readonly call: number; readonly message: string };

/** What the merging thread starts with. */
export interface MergeSettings {
	readonly config: EncoderConfig;
	readonly compute: Exclude<ComputeMode, "fp32">;
	readonly nf4: readonly Nf4Linear[];
	readonly base: readonly PackedTensor[];
}

export interface MergeRequest {
	readonly call: number;
	readonly layers: readonly LayerFactors[];
}

/** The bytes of the adapter's graph. */
export type MergeReply = { readonly call: number; readonly model: SharedArrayBuffer } | { readonly call: number; readonly message: string };
