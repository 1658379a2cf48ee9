/** The two graphs that a job runs, planned for its batches. */
import type { BaseModel } from "@dak/shared/models";
import {
	batchFeeds,
	buildEncoder,
	buildTrainingStep,
	encoderBatches,
	encoderFeeds,
	type GraphMemory,
	MeasuredGraph,
	type ParameterSpec,
	sizeOf,
	type TrainingText,
} from "@dak/shared/nn";
import type { JobSettings, TrainingSettings } from "../jobs/index.js";
import { loraOptions, stepOptions, widestObjective } from "../training/index.js";

/** Bytes of a graph's inputs by what they are. */
export interface InputBytes {
	/** The frozen base. */
	readonly weights: number;
	readonly parameters: number;
	/** Rows of the word embeddings; a table that is fed under two names counts once. */
	readonly embeddings: number;
	/** What changes with each batch. */
	readonly batch: number;
}

export interface PlannedGraph {
	readonly memory: GraphMemory;
	readonly inputs: InputBytes;
}

interface Declared {
	readonly frozen: readonly { readonly input: string }[];
	readonly parameters: readonly ParameterSpec[];
}

function inputsOf({ inputBytes }: GraphMemory, { frozen, parameters }: Declared, batch: ReadonlySet<string>): InputBytes {
	const names = new Set(frozen.map(({ input }) => input));
	const trained = new Set(parameters.map(({ name }) => name));
	const sums = { weights: 0, parameters: parameters.reduce((n, spec) => n + 4 * sizeOf(spec), 0), batch: 0 };
	const tables = new Set<number>();
	for (const [name, bytes] of inputBytes) {
		if (batch.has(name)) sums.batch += bytes;
		else if (names.has(name)) sums.weights += bytes;
		// The decoder's softmax is over the same rows as the encoder reads.
		else if (!trained.has(name)) tables.add(bytes);
	}
	return { ...sums, embeddings: [...tables].reduce((n, bytes) => n + bytes, 0) };
}

/** The training step of a job. Built once, planned for any batch. */
export class StepGraph {
	readonly #step;
	readonly #graph;
	readonly #pooling;
	private readonly settings: TrainingSettings;

	constructor(base: BaseModel, settings: JobSettings, rows: number) {
		// Which of the losses there will be is known once the texts are.
		this.settings = { ...settings, objective: widestObjective(settings) };
		this.#pooling = settings.pooling ?? base.pooling;
		const vocabulary = { size: rows, whole: settings.training.vocabulary === "full" };
		this.#step = buildTrainingStep(stepOptions(base, this.settings, this.#pooling, vocabulary));
		this.#graph = new MeasuredGraph(this.#step.model);
	}

	plan(batch: readonly TrainingText[]): PlannedGraph {
		const feeds = batchFeeds(batch, { objective: this.settings.objective, pooling: this.#pooling });
		const memory = this.#graph.plan(feeds);
		return { memory, inputs: inputsOf(memory, this.#step, new Set(Object.keys(feeds))) };
	}
}

/** The encoder that base and adapter are compared with, over each of its batches of these texts. */
export function planMeasuring(base: BaseModel, settings: JobSettings, texts: readonly Int32Array[]): PlannedGraph[] {
	const pooling = settings.pooling ?? base.pooling;
	const built = buildEncoder({
		config: base.encoder,
		pooling,
		quantized: settings.quantization.kind === "nf4",
		lora: loraOptions(base, settings),
	});
	const graph = new MeasuredGraph(built.model);
	const rows = new Set(texts.flatMap((ids) => [...ids])).size;
	return encoderBatches(texts).map((batch) => {
		const feeds = encoderFeeds(
			batch.map((i) => texts[i]!),
			pooling,
		);
		const memory = graph.plan({ ...feeds, word_embeddings: { dims: [rows, base.encoder.hiddenSize] } });
		return { memory, inputs: inputsOf(memory, built, new Set(Object.keys(feeds))) };
	});
}
