import type { TensorData } from "@dak/shared/safetensors";
import { z } from "zod";

/**
 * checkpoint.json: all of a training's state that is not a tensor. Order and noise of the texts are functions of seed, epoch and
 * text, so the step is the position of both the data and every random number; it stands here in words too, for who reads the file.
 */
export const checkpointStateSchema = z.strictObject({
	format: z.literal(1),
	/** SHA-256 over all that determines the training: no other training may go on from here. */
	training: z.string().regex(/^[0-9a-f]{64}$/),
	/** Optimiser steps taken. */
	step: z.int().min(0),
	data: z.strictObject({ next_micro_batch: z.int().min(0), epoch: z.number().min(0), seed: z.int().min(0) }),
	schedule: z.strictObject({
		scheduler: z.string(),
		total_steps: z.int().min(1),
		learning_rate: z.number(),
		/** What the learning rate is multiplied by: less than 1 after a back-off. */
		scale: z.number().positive(),
	}),
	/** Times that the training went back because its loss was not finite. */
	backoffs: z.int().min(0),
	/** Smoothed loss: now, and the lowest that it was. null before the first step. */
	loss: z.strictObject({ smoothed: z.number().nullable(), best: z.number().nullable() }),
	device: z.string(),
	threads: z.int().min(1),
});

export type CheckpointState = z.output<typeof checkpointStateSchema>;

export interface Checkpoint {
	readonly state: CheckpointState;
	/** Parameters, both moments of each, and the curve of the loss. */
	readonly tensors: Readonly<Record<string, TensorData>>;
}

/** A checkpoint's place, from its folder's name; whether its content is whole, only reading it says. */
export interface CheckpointEntry {
	readonly path: string;
	/** Rises with each one written, also where the step goes back. */
	readonly ordinal: number;
	readonly step: number;
	/** Whether a back-off may return to it: written at a step that depends on nothing but the settings, the loss in good order. */
	readonly anchor: boolean;
}

export interface Written {
	readonly bytes: number;
	readonly milliseconds: number;
}
