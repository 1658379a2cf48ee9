import type { Adapter } from "@dak/shared/adapters";

/** An adapter that a runner holds ready for batches. The registry owns it, and disposes it once nothing leases it. */
export interface RunnerAdapter {
	readonly residentBytes: number;
	dispose(): void;
}

/** One text of a batch. */
export interface RunnerInput {
	readonly ids: Int32Array;
	/** Undefined: the base. */
	readonly adapter: RunnerAdapter | undefined;
}

/** Runs batches through the base model, each text with its own adapter or none. */
export interface ModelRunner {
	/** D. */
	readonly dimension: number;
	readonly device: string;
	/** Why that device. */
	readonly deviceReason: string;
	/** False once the engine has stopped; nothing can be embedded then. */
	readonly healthy: boolean;
	/** Arithmetic of the products: int8, precise or fp32. */
	readonly compute: string;
	/** Largest cosine gap of a text's vector that `compute` may leave to fp32 products. */
	readonly driftLimit: number;
	/** Bytes that the base's weights take in memory. */
	readonly baseBytes: number;
	/** Batches that run at the same time. */
	readonly lanes: number;
	/** Whether adapters can be merged. */
	readonly merges: boolean;
	/** Makes an adapter ready, as factors. @throws ADAPTER_INCOMPATIBLE if it does not fit the base. */
	prepare(adapter: Adapter): Promise<RunnerAdapter>;
	/**
	 * Makes an adapter ready, merged into weights of its own: as fast as the base, for the memory of the base's products.
	 * Takes a while, in which batches run. @throws ADAPTER_INCOMPATIBLE, RUNTIME_FAILED
	 */
	merge(adapter: Adapter): Promise<RunnerAdapter>;
	/**
	 * Pooled vectors, not normalised. A text's vector does not depend on its batch mates.
	 * @shape [B,D] row-major, in the order of `batch` · @throws RUNTIME_FAILED
	 */
	embed(batch: readonly RunnerInput[]): Promise<Float32Array>;
	close(): Promise<void>;
}
