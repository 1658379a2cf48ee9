/** What the serving thread and the engine's worker thread say to each other. Buffers move, they are never copied. */

import type { DenseModule } from "@dak/shared/adapters";
import type { EncoderConfig, Pooling } from "@dak/shared/models";
import type { ComputeMode, PackedTensor } from "@dak/shared/nn/inference";
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
	| { readonly kind: "remove"; readonly adapter: number }
	/** Skip what waits, free everything, end. */
	| { readonly kind: "close" }
	| { readonly kind: "embed"; readonly call: number; readonly batch: BatchMessage };

export type EngineReply =
	| { readonly kind: "ready" }
	| { readonly kind: "failed"; readonly message: string }
	| { readonly kind: "vectors"; readonly call: number; readonly vectors: Float32Array }
	| { readonly kind: "error"; readonly call: number; readonly message: string };
