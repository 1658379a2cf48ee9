import type { DeviceKind } from "@dak/shared/runtime";
import type { JobSettings } from "../jobs/index.js";

/** A job's texts as far as they were read. */
export interface SampledTexts {
	readonly texts: readonly string[];
	/** Texts of the whole dataset; the sample's own number where that is all of it. */
	readonly total: number;
}

export interface EstimateRequest {
	/** `device` is the one that the job gets: never auto. */
	readonly settings: JobSettings;
	/** Absolute folder of the base model. */
	readonly modelPath: string;
	readonly sample: SampledTexts;
	readonly threads: number;
	/** What jobs may take here, bytes. */
	readonly availableBytes: number;
	/** Whether seconds are asked for: the first answer that has them takes a third of a second longer. */
	readonly time: boolean;
	/** Tokens a second of earlier jobs like this one; empty where there are none. */
	readonly pastTokensPerSecond: readonly number[];
}

/** Most memory at once, by what takes it, bytes. The parts add up to the total. */
export interface MemoryParts {
	readonly process: number;
	readonly weights: number;
	readonly embeddings: number;
	readonly optimizer: number;
	readonly activations: number;
	readonly logits: number;
}

export interface MemoryEstimate {
	readonly parts: MemoryParts;
	readonly totalBytes: number;
	/** When it takes most. */
	readonly phase: "measuring" | "training";
}

export interface FittingSettings {
	readonly batchSize: number;
	readonly gradientAccumulation: number;
	readonly maxLength: number;
	readonly gradientCheckpointing: boolean;
	readonly totalBytes: number;
}

export interface TimeEstimate {
	readonly low: number;
	readonly expected: number;
	readonly high: number;
}

export interface JobEstimate extends MemoryEstimate {
	readonly device: DeviceKind;
	readonly availableBytes: number;
	readonly fits: boolean;
	readonly whatWouldFit: readonly FittingSettings[];
	readonly steps: number;
	readonly largestBatchTokens: number;
	/** Seconds from the job's start to its adapter. */
	readonly seconds: TimeEstimate;
	/** How the figures were got, in sentences. */
	readonly basis: readonly string[];
}
