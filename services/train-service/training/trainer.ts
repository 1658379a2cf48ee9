/** The training loop: batches in order, one compiled step, AdamW. It owns its session; `dispose` frees it. */
import { DakError } from "@dak/shared/errors";
import type { BaseModel, Pooling } from "@dak/shared/models";
import {
	ADAMW_DEFAULTS,
	AdamW,
	batchFeeds,
	buildTrainingStep,
	clipScale,
	type FrozenFeeds,
	globalNorm,
	initialValues,
	learningRateFactor,
	type Objective,
	type ParameterSpec,
	type TrainingStep,
	type TrainingText,
} from "@dak/shared/nn";
import { type Device, type Feeds, float32, Session } from "@dak/shared/runtime";
import type { JobSettings } from "../jobs/index.js";
import { epochOrder, type TextSource } from "./texts.js";
import { Vocabulary } from "./vocabulary.js";
import { tableType, wordEmbeddings } from "./word-embeddings.js";

export interface TrainerOptions {
	readonly base: BaseModel;
	readonly frozen: FrozenFeeds;
	readonly pooling: Pooling;
	readonly settings: JobSettings;
	readonly texts: TextSource;
	readonly device: Device;
	readonly threads: number;
	/** First values by parameter name, in place of the usual ones (going on from an adapter). */
	readonly initial?: ReadonlyMap<string, Float32Array> | undefined;
	/** Where ONNX Runtime writes its profile. */
	readonly profilePrefix?: string | undefined;
}

export interface StepResult {
	/** From 1. */
	readonly step: number;
	readonly epoch: number;
	readonly loss: number;
	readonly parts: Readonly<Record<string, number>>;
	readonly learningRate: number;
	readonly gradNorm: number;
	readonly tokens: number;
	readonly sentences: number;
	readonly seconds: number;
}

/** The decoder's fresh parameters learn at a higher rate than the factors over pretrained weights. */
const DECODER_RATE_FACTOR = 1e-3 / 3e-4;

/** Steps of a job: what max_steps says, else what the epochs need. */
export function totalSteps(settings: JobSettings, texts: number): number {
	const { batch_size, gradient_accumulation, max_steps, epochs } = settings.training;
	return max_steps ?? Math.max(1, Math.ceil((epochs * texts) / (batch_size * gradient_accumulation)));
}

export class Trainer {
	readonly totalSteps: number;
	readonly specs: readonly ParameterSpec[];
	readonly values: readonly Float32Array[];
	readonly #optimizer: AdamW;
	readonly #constantFeeds: Feeds;
	#steps = 0;

	private constructor(
		private readonly options: TrainerOptions,
		private readonly step: TrainingStep,
		private readonly session: Session,
		private readonly vocabulary: Vocabulary,
	) {
		const { settings, initial, texts, base, frozen } = options;
		this.totalSteps = totalSteps(settings, texts.texts.length);
		this.specs = step.parameters;
		this.values = step.parameters.map((spec) => initial?.get(spec.name)?.slice() ?? initialValues(spec, settings.training.seed));
		this.#optimizer = new AdamW(this.values, { ...ADAMW_DEFAULTS, weightDecay: settings.training.weight_decay });
		const rows = wordEmbeddings(base, vocabulary);
		this.#constantFeeds = {
			...frozen.feeds(step.frozen),
			word_embeddings: rows,
			...(settings.objective.tsdae > 0
				? { vocabulary: rows, vocabulary_bias: float32(new Float32Array(vocabulary.size), [vocabulary.size]) }
				: {}),
			...Object.fromEntries(step.parameters.map((spec, i) => [spec.name, float32(this.values[i]!, spec.shape)])),
		};
	}

	static async create(options: TrainerOptions): Promise<Trainer> {
		const { base, settings, pooling, texts, device, threads, profilePrefix } = options;
		const vocabulary =
			settings.training.vocabulary === "full"
				? Vocabulary.full(base.encoder.vocabSize)
				: Vocabulary.of(texts.clean, base.encoder.vocabSize, [texts.unknownId ?? 0]);
		const step = buildTrainingStep({
			config: base.encoder,
			pooling,
			quantized: settings.quantization.kind === "nf4",
			lora: { r: settings.lora.r, alpha: settings.lora.alpha ?? 2 * settings.lora.r, targetModules: settings.lora.target_modules },
			objective: settings.objective,
			embeddingRows: vocabulary.size,
			vocabularyRows: vocabulary.size,
			tableType: tableType(base, vocabulary),
		});
		const session = await Session.create(step.model, { device, threads, memory: "lean", profilePrefix });
		return new Trainer(options, step, session, vocabulary);
	}

	/** Takes one step. @throws TRAINING_FAILED if the loss or a gradient is no longer finite */
	async next(): Promise<StepResult> {
		const started = performance.now();
		const { training } = this.options.settings;
		const micro = Array.from({ length: training.gradient_accumulation }, (_, i) =>
			this.#batch(this.#steps * training.gradient_accumulation + i),
		);
		const results = [];
		for (const batch of micro) results.push(await this.#gradients(batch));
		const gradients = averaged(results.map((result) => result.gradients));
		const gradNorm = globalNorm(gradients);
		const loss = mean(results.map((result) => result.loss));
		if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
			throw new DakError(
				"TRAINING_FAILED",
				`step ${this.#steps + 1}: loss ${loss}, gradient norm ${gradNorm}; try a lower training.learning_rate than ${training.learning_rate}`,
			);
		}
		const learningRate = this.#update(gradients, gradNorm);
		const all = micro.flat();
		return {
			step: ++this.#steps,
			epoch: (this.#steps * training.batch_size * training.gradient_accumulation) / this.options.texts.texts.length,
			loss,
			parts: results[0]!.parts,
			learningRate,
			gradNorm,
			tokens: all.reduce((n, text) => n + text.noisy.length + text.clean.length, 0),
			sentences: all.length,
			seconds: (performance.now() - started) / 1000,
		};
	}

	get done(): boolean {
		return this.#steps >= this.totalSteps;
	}

	/** Compiled graph and its ops, for `--explain`. */
	get graph(): TrainingStep["graph"] {
		return this.step.graph;
	}

	endProfiling(): void {
		this.session.endProfiling();
	}

	dispose(): Promise<void> {
		return this.session.dispose();
	}

	/** The texts of micro-batch `index`; batches run on over the end of an epoch, each epoch in an order of its own. */
	#batch(index: number): TrainingText[] {
		const { texts, settings } = this.options;
		const count = texts.texts.length;
		const size = Math.min(settings.training.batch_size, count);
		return Array.from({ length: size }, (_, i) => {
			const position = index * size + i;
			const epoch = Math.floor(position / count);
			return texts.trainingText(this.#order(epoch)[position % count]!, epoch, this.vocabulary);
		});
	}

	readonly #orders = new Map<number, number[]>();

	#order(epoch: number): number[] {
		let order = this.#orders.get(epoch);
		if (!order) {
			this.#orders.clear();
			order = epochOrder(this.options.texts.texts.length, epoch, this.options.settings.training.seed);
			this.#orders.set(epoch, order);
		}
		return order;
	}

	async #gradients(batch: readonly TrainingText[]) {
		const objective: Objective = this.options.settings.objective;
		const outputs = await this.session.run({ ...this.#constantFeeds, ...batchFeeds(batch, { objective, pooling: this.options.pooling }) });
		const number = (name: string) => Number(outputs[name]!.data[0]);
		return {
			loss: number("loss"),
			parts: Object.fromEntries(this.step.parts.map((part) => [part, number(`loss.${part}`)])),
			gradients: this.specs.map((spec) => outputs[`grad.${spec.name}`]!.data as Float32Array),
		};
	}

	#update(gradients: readonly Float32Array[], gradNorm: number): number {
		const { learning_rate, warmup, scheduler, max_grad_norm } = this.options.settings.training;
		const warmupSteps = Math.round(warmup * this.totalSteps);
		// A step at rate 0 would be wasted: the warm-up is counted from 1.
		const factor = learningRateFactor(this.#steps + (this.#steps < warmupSteps ? 1 : 0), {
			scheduler,
			warmupSteps,
			totalSteps: this.totalSteps,
		});
		const rate = learning_rate * factor;
		const rates = this.specs.map((spec) => (spec.group === "lora" ? rate : rate * DECODER_RATE_FACTOR));
		this.#optimizer.step(gradients, rates, clipScale(gradNorm, max_grad_norm));
		return rate;
	}
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

/** Element-wise mean of several gradients; the first is reused. */
function averaged(all: readonly (readonly Float32Array[])[]): readonly Float32Array[] {
	const [first, ...rest] = all;
	if (rest.length === 0) return first!;
	return first!.map((gradient, i) => {
		for (const other of rest) for (let j = 0; j < gradient.length; j++) gradient[j]! += other[i]![j]!;
		for (let j = 0; j < gradient.length; j++) gradient[j]! /= all.length;
		return gradient;
	});
}
