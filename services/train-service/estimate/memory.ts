/** A job's peak memory by its parts: what its graphs need, and around them what its process is made of. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { BaseModel } from "@dak/shared/models";
import type { DeviceKind } from "@dak/shared/runtime";
import {
	BYTES_PER_TEXT,
	FRAGMENTATION,
	GPU_CONTEXT_BYTES,
	GPU_POOL,
	PACKED_WEIGHTS,
	RUNTIME_BYTES,
	TOKENIZER_BYTES_PER_FILE_BYTE,
} from "./constants.js";
import type { PlannedGraph } from "./graphs.js";
import type { MemoryEstimate, MemoryParts } from "./types.js";

export interface ProcessFacts {
	readonly base: BaseModel;
	/** Of all texts of the dataset. */
	readonly texts: { readonly count: number; readonly characters: number; readonly tokens: number };
	readonly device: DeviceKind;
	/** Batches whose gradients are added up. */
	readonly accumulated: number;
}

const sumOf = (parts: MemoryParts): number => Object.values(parts).reduce((sum: number, bytes: number) => sum + bytes, 0);
const rounded = (parts: MemoryParts): MemoryParts =>
	Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, Math.round(bytes as number)])) as unknown as MemoryParts;

/** The process itself: runtime, tokenizer, texts as strings and as ids. */
function processBytes({ base, texts }: ProcessFacts): number {
	const corpus = 2 * texts.characters + 4 * texts.tokens + BYTES_PER_TEXT * texts.count;
	return RUNTIME_BYTES + TOKENIZER_BYTES_PER_FILE_BYTE * statSync(join(base.folder.path, "tokenizer.json")).size + corpus;
}

/** Base and adapter compared on whole texts, before and after training. */
function measuring(graph: PlannedGraph, facts: ProcessFacts): MemoryParts {
	return {
		process: processBytes(facts),
		weights: PACKED_WEIGHTS * graph.inputs.weights + 2 * graph.memory.modelBytes,
		embeddings: graph.inputs.embeddings,
		optimizer: graph.inputs.parameters,
		activations: FRAGMENTATION * graph.memory.peakBytes + graph.inputs.batch,
		logits: 0,
	};
}

/** A training step at its peak. */
function training({ memory, inputs }: PlannedGraph, facts: ProcessFacts): MemoryParts {
	const logits = memory.peakAt.startsWith("Loop ") ? memory.loopBytes : 0;
	return {
		process: processBytes(facts),
		weights: PACKED_WEIGHTS * inputs.weights + 2 * memory.modelBytes,
		embeddings: inputs.embeddings,
		optimizer: 3 * inputs.parameters + (facts.accumulated > 1 ? 2 : 1) * memory.outputBytes,
		activations: FRAGMENTATION * (memory.peakBytes - logits) + inputs.batch,
		logits: FRAGMENTATION * logits,
	};
}

/** On a GPU: the tensors, in the allocator's pool, beside the context. The process' own memory is the host's. */
function onGpu(parts: MemoryParts): MemoryParts {
	const pooled = Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, GPU_POOL * (bytes as number)]));
	return { ...(pooled as unknown as MemoryParts), process: GPU_CONTEXT_BYTES };
}

/** The phase that takes most, by its parts. `steps` are plans of the largest batches, `measured` of the encoder's. */
export function estimateMemory(steps: readonly PlannedGraph[], measured: readonly PlannedGraph[], facts: ProcessFacts): MemoryEstimate {
	const phases = [
		...measured.map((batch) => ({ phase: "measuring" as const, parts: measuring(batch, facts) })),
		...steps.map((step) => ({ phase: "training" as const, parts: training(step, facts) })),
	].map(({ phase, parts }) => {
		const here = rounded(facts.device === "cpu" ? parts : onGpu(parts));
		return { phase, parts: here, totalBytes: sumOf(here) };
	});
	return phases.reduce((largest, next) => (next.totalBytes > largest.totalBytes ? next : largest));
}
