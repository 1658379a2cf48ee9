/** Estimates as REST's JSON and as protobuf messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EstimateJobResponseSchema } from "@dak/shared/proto";
import { z } from "zod";
import type { JobEstimate } from "../estimate/index.js";

const bytes = (meaning: string) => z.int().min(0).describe(meaning);

const fittingSchema = z
	.object({
		batch_size: z.int(),
		gradient_accumulation: z.int(),
		max_length: z.int(),
		gradient_checkpointing: z.boolean(),
		total_bytes: z.int(),
	})
	.meta({ id: "FittingSettings" });

export const estimateSchema = z
	.object({
		weights_bytes: bytes("The frozen base, packed"),
		optimizer_bytes: bytes("Trained parameters, both moments, gradients"),
		activations_bytes: bytes("Values that live at once at the step's peak, of the largest batch"),
		logits_bytes: bytes("Of a chunk of the softmax"),
		embeddings_bytes: bytes("Rows of the word embeddings"),
		process_bytes: bytes("The runtime, the tokenizer and the texts"),
		total_bytes: bytes("Their sum"),
		phase: z.enum(["measuring", "training"]).describe("What the job takes most memory in"),
		available_bytes: bytes("What jobs may take on this device"),
		fits: z.boolean(),
		what_would_fit: z
			.array(fittingSchema)
			.describe("Settings that fit in its place, the nearest first; empty where it fits, or nothing would"),
		device: z.enum(["cuda", "webgpu", "cpu"]),
		steps: z.int(),
		largest_batch_tokens: z.int().describe("Noisy and clean tokens of the largest batch"),
		seconds: z.number(),
		seconds_low: z.number(),
		seconds_high: z.number(),
		basis: z.array(z.string()).describe("How the figures were got"),
	})
	.meta({ id: "Estimate" });

const seconds = (value: number): number => Math.round(value * 10) / 10;

/** An estimate as REST shows it. */
export function estimateJson({ parts, seconds: time, ...estimate }: JobEstimate): z.output<typeof estimateSchema> {
	return {
		weights_bytes: parts.weights,
		optimizer_bytes: parts.optimizer,
		activations_bytes: parts.activations,
		logits_bytes: parts.logits,
		embeddings_bytes: parts.embeddings,
		process_bytes: parts.process,
		total_bytes: estimate.totalBytes,
		phase: estimate.phase,
		available_bytes: estimate.availableBytes,
		fits: estimate.fits,
		what_would_fit: estimate.whatWouldFit.map((found) => ({
			batch_size: found.batchSize,
			gradient_accumulation: found.gradientAccumulation,
			max_length: found.maxLength,
			gradient_checkpointing: found.gradientCheckpointing,
			total_bytes: found.totalBytes,
		})),
		device: estimate.device,
		steps: estimate.steps,
		largest_batch_tokens: estimate.largestBatchTokens,
		seconds: seconds(time.expected),
		seconds_low: seconds(time.low),
		seconds_high: seconds(time.high),
		basis: [...estimate.basis],
	};
}

export function estimateMessage({ parts, seconds: time, ...estimate }: JobEstimate): MessageInitShape<typeof EstimateJobResponseSchema> {
	return {
		weightsBytes: BigInt(parts.weights),
		optimizerBytes: BigInt(parts.optimizer),
		activationsBytes: BigInt(parts.activations),
		logitsBytes: BigInt(parts.logits),
		embeddingsBytes: BigInt(parts.embeddings),
		processBytes: BigInt(parts.process),
		totalBytes: BigInt(estimate.totalBytes),
		phase: estimate.phase,
		availableBytes: BigInt(estimate.availableBytes),
		fits: estimate.fits,
		whatWouldFit: estimate.whatWouldFit.map((found) => ({ ...found, totalBytes: BigInt(found.totalBytes) })),
		device: estimate.device,
		steps: estimate.steps,
		largestBatchTokens: estimate.largestBatchTokens,
		seconds: seconds(time.expected),
		secondsLow: seconds(time.low),
		secondsHigh: seconds(time.high),
		basis: [...estimate.basis],
	};
}
