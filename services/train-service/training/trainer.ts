/** The training loop: batches in order, one compiled step, AdamW. It owns its session; `dispose` frees it. */
import { assert } from "@dak/shared/errors";
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
	type ParameterGroup,
	type ParameterSpec,
	sizeOf,
	type TrainingStep,
	type TrainingText,
} from "@dak/shared/nn";
import { type Device, type Feeds, float32, Session, type Tensor } from "@dak/shared/runtime";
import type { JobSettings, TrainingSettings } from "../jobs/index.js";
import { GradientMean, meanOf } from "./accumulation.js";
import type { AnchorTarget } from "./anchor.js";
import { NonFiniteError } from "./non-finite.js";
import { stepOptions, whitensAnchor } from "./step-options.js";
import { type PlannedStep, StepsAhead, type TakenStep } from "./steps-ahead.js";
import { epochOrder, type TextSource } from "./texts.js";
import { copyTensors, stateTensors, type TrainerState } from "./trainer-state.js";
import { SAMPLED_TOKENS, Vocabulary } from "./vocabulary.js";
import { wordEmbeddings } from "./word-embeddings.js";

export interface TrainerOptions {
	readonly base: BaseModel;
	readonly frozen: FrozenFeeds;
	readonly pooling: Pooling;
	readonly settings: TrainingSettings;
	readonly texts: TextSource;
	/** Texts that are never trained on, for `heldOutLoss`. */
	readonly heldOut?: TextSource | undefined;
	readonly device: Device;
	readonly threads: number;
	/** Needed where the anchor is on whitened similarities. */
	readonly anchorTarget?: AnchorTarget | undefined;
	/** First values by parameter name, in place of the usual ones (going on from an adapter). */
	readonly initial?: ReadonlyMap<string, Float32Array> | undefined;
	/** Where ONNX Runtime writes its profile. */
	readonly profilePrefix?: string | undefined;
	/** Whether parameters and moments stay on the device, several steps a call; by default on a GPU. */
	readonly stateOnDevice?: boolean | undefined;
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

/** Batches that the held-out loss is measured on, at most: each costs what a step costs. */
const MOST_HELD_OUT_BATCHES = 8;

/** Whole batches of numbers below `count`; one of what there is where that is less. */
function heldOutBatches(count: number, batchSize: number): number[][] {
	const size = Math.min(batchSize, count);
	// The contrastive loss needs two texts.
	if (size < 2) return [];
	const batches = Math.min(MOST_HELD_OUT_BATCHES, Math.floor(count / size));
	return Array.from({ length: batches }, (_, b) => Array.from({ length: size }, (_, i) => b * size + i));
}

/** Steps of a job: what max_steps says, else what the epochs need. */
export function totalSteps(settings: JobSettings, texts: number): number {
	const { batch_size, gradient_accumulation, max_steps, epochs } = settings.training;
	return max_steps ?? Math.max(1, Math.ceil((epochs * texts) / (batch_size * gradient_accumulation)));
}

function vocabularyOf({ training }: JobSettings, texts: readonly Int32Array[], tableRows: number, unknownId: number): Vocabulary {
	if (training.vocabulary === "full") return Vocabulary.full(tableRows);
	if (training.vocabulary === "corpus") return Vocabulary.of(texts, tableRows, [unknownId]);
	return Vocabulary.sampled(texts, tableRows, { count: SAMPLED_TOKENS, seed: training.seed }, [unknownId]);
}

export class Trainer {
	readonly totalSteps: number;
	readonly specs: readonly ParameterSpec[];
	readonly values: readonly Float32Array[];
	readonly #optimizer: AdamW;
	readonly #constantFeeds: Feeds;
	#steps = 0;
	#learningRateScale = 1;
	/** Where gradients are written: as the runtime's own tensors they would pin its heap until JavaScript collects them. */
	#gradientTensors: readonly Tensor[] | undefined;
	/** What takes the steps: a session of the step alone, or of steps with their updates. */
	#session: Session | undefined;
	#ahead: StepsAhead | undefined;

	private constructor(
		private readonly options: TrainerOptions,
		private readonly step: TrainingStep,
		private readonly vocabulary: Vocabulary,
	) {
		const { settings, texts, base, frozen } = options;
		this.totalSteps = totalSteps(settings, texts.texts.length);
		this.specs = step.parameters;
		this.values = this.#firstValues();
		this.#optimizer = new AdamW(this.values, { ...ADAMW_DEFAULTS, weightDecay: settings.training.weight_decay });
		const rows = wordEmbeddings(base, vocabulary);
		this.#constantFeeds = {
			...frozen.feeds(step.frozen),
			word_embeddings: rows,
			...(settings.objective.tsdae > 0 ? { vocabulary: rows, vocabulary_bias: float32(vocabulary.logitBias, [vocabulary.size]) } : {}),
			...anchorFeeds(options),
		};
	}

	static async create(options: TrainerOptions): Promise<Trainer> {
		const { base, settings, pooling, texts, heldOut } = options;
		const used = [texts, ...(heldOut ? [heldOut] : [])].flatMap((of) => [...of.clean, ...of.openings()]);
		const vocabulary = vocabularyOf(settings, used, base.encoder.vocabSize, texts.unknownId);
		const step = buildTrainingStep(stepOptions(base, settings, pooling, vocabulary));
		const trainer = new Trainer(options, step, vocabulary);
		await trainer.#open();
		return trainer;
	}

	async #open(): Promise<void> {
		const { device, profilePrefix, settings, stateOnDevice = device.kind !== "cpu" } = this.options;
		const session = { ...this.#sessionOptions, profilePrefix };
		// Gradients of several batches are added up on the host only.
		if (!stateOnDevice || settings.training.gradient_accumulation > 1) {
			this.#session = await Session.create(this.step.model, session);
			return;
		}
		this.#ahead = await StepsAhead.create(this.step, {
			session,
			constants: this.#constantFeeds,
			optimizer: this.#optimizer,
			maxGradNorm: settings.training.max_grad_norm,
			total: this.totalSteps,
			settleEvery: settings.checkpoint.every_steps,
			plan: (step) => this.#plan(step),
		});
	}

	get #sessionOptions() {
		const { device, threads } = this.options;
		return { device, threads, memory: "lean" } as const;
	}

	/**
	 * Mean loss over the texts held out, without learning from them; undefined where there are none. Their noise is always epoch 0's, so
	 * that losses of one run compare. The trainer is settled.
	 */
	async heldOutLoss(): Promise<number | undefined> {
		const { heldOut, settings } = this.options;
		const batches = heldOutBatches(heldOut?.texts.length ?? 0, settings.training.batch_size);
		if (batches.length === 0) return undefined;
		// Where the steps stay on the device, no session of a step alone is open.
		const own = this.#session ? undefined : await Session.create(this.step.model, this.#sessionOptions);
		this.#session ??= own;
		try {
			const losses = [];
			for (const batch of batches) {
				losses.push((await this.#gradients(batch.map((index) => heldOut!.trainingText(index, 0, this.vocabulary)))).losses);
			}
			return meanOf(losses).loss;
		} finally {
			if (own) this.#session = undefined;
			await own?.dispose();
		}
	}

	/** Takes one step. @throws NonFiniteError if the loss or a gradient is no longer finite: restore or restart it then */
	async next(): Promise<StepResult> {
		const taken = await (this.#ahead?.next(this.#steps) ?? this.#onHost());
		this.#mustBeFinite(taken);
		const { loss, parts, learningRate, gradNorm, texts, seconds } = taken;
		return {
			step: ++this.#steps,
			epoch: this.epoch,
			loss,
			parts,
			learningRate,
			gradNorm,
			tokens: texts.reduce((n, text) => n + text.noisy.length + text.clean.length, 0),
			sentences: texts.length,
			seconds,
		};
	}

	/** One step with the optimiser in this process. */
	async #onHost(): Promise<TakenStep> {
		const started = performance.now();
		const { gradient_accumulation, max_grad_norm } = this.options.settings.training;
		const micro = Array.from({ length: gradient_accumulation }, (_, i) => this.#batch(this.#steps * gradient_accumulation + i));
		const results = [];
		const mean = new GradientMean(gradient_accumulation);
		for (const batch of micro) {
			const { losses, gradients } = await this.#gradients(batch);
			results.push(losses);
			mean.add(gradients);
		}
		const gradients = mean.take();
		const gradNorm = globalNorm(gradients);
		const { loss, ...parts } = meanOf(results) as { loss: number };
		// Before anything is changed.
		this.#mustBeFinite({ loss, gradNorm });
		const learningRate = this.#learningRate(this.#steps);
		const rates = ratesOf(learningRate);
		this.#optimizer.step(
			gradients,
			this.specs.map(({ group }) => rates[group]),
			clipScale(gradNorm, max_grad_norm),
		);
		return { loss, parts, gradNorm, learningRate, texts: micro.flat(), seconds: (performance.now() - started) / 1000 };
	}

	#mustBeFinite({ loss, gradNorm }: Pick<TakenStep, "loss" | "gradNorm">): void {
		if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return;
		const { learning_rate } = this.options.settings.training;
		throw new NonFiniteError(this.#steps + 1, `loss ${loss}, gradient norm ${gradNorm}`, learning_rate);
	}

	#plan(step: number): PlannedStep {
		const texts = this.#batch(step);
		const learningRate = this.#learningRate(step);
		return { texts, learningRate, feeds: this.#feeds(texts), rates: ratesOf(learningRate) };
	}

	/** Passes over the texts, with fractions. */
	get epoch(): number {
		const { batch_size, gradient_accumulation } = this.options.settings.training;
		return (this.#steps * batch_size * gradient_accumulation) / this.options.texts.texts.length;
	}

	get done(): boolean {
		return this.#steps >= this.totalSteps;
	}

	/** Whether `state` is that after the last step which `next` gave; on a GPU it may be some steps further. */
	get settled(): boolean {
		return this.#ahead?.settled ?? true;
	}

	/** What the next step depends on, where the trainer is settled. Its tensors are borrowed: the next step changes them in place. */
	state(): TrainerState {
		const tensors = stateTensors(this.specs, this.values, this.#optimizer);
		return { step: this.#steps, learningRateScale: this.#learningRateScale, tensors };
	}

	/** Goes on from a state of a trainer with the same options, bit by bit as that one would have. Copies its tensors. */
	restore({ step, learningRateScale, tensors }: TrainerState): void {
		copyTensors(tensors, this.state().tensors);
		this.#steps = step;
		this.#optimizer.steps = step;
		this.#learningRateScale = learningRateScale;
		this.#ahead?.reload();
	}

	/** Begins again, with the learning rate multiplied by `learningRateScale`. */
	restart(learningRateScale: number): void {
		this.#firstValues().forEach((values, i) => {
			this.values[i]!.set(values);
		});
		for (const { first, second } of this.#optimizer.moments) for (const moment of [first, second]) moment.fill(0);
		this.#steps = 0;
		this.#optimizer.steps = 0;
		this.#learningRateScale = learningRateScale;
		this.#ahead?.reload();
	}

	#firstValues(): Float32Array[] {
		const { initial, settings } = this.options;
		return this.step.parameters.map((spec) => initial?.get(spec.name)?.slice() ?? initialValues(spec, settings.training.seed));
	}

	/** Compiled graph and its ops, for `--explain`. */
	get graph(): TrainingStep["graph"] {
		return this.step.graph;
	}

	endProfiling(): void {
		this.#session?.endProfiling();
		this.#ahead?.endProfiling();
	}

	async dispose(): Promise<void> {
		await this.#session?.dispose();
		await this.#ahead?.dispose();
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

	/** Losses by name, and the gradients: borrowed until the next call, which writes into the same arrays. */
	async #gradients(batch: readonly TrainingText[]) {
		const parameters = this.specs.map((spec, i) => [spec.name, float32(this.values[i]!, spec.shape)]);
		this.#gradientTensors ??= this.specs.map((spec) => float32(new Float32Array(sizeOf(spec)), spec.shape));
		const into = this.specs.map((spec, i) => [`grad.${spec.name}`, this.#gradientTensors![i]!] as const);
		const numbers = ["loss", ...this.step.parts.map((part) => `loss.${part}`)];
		const fetches = { ...Object.fromEntries(into), ...Object.fromEntries(numbers.map((name) => [name, null])) };
		const outputs = await this.#session!.run({ ...this.#constantFeeds, ...Object.fromEntries(parameters), ...this.#feeds(batch) }, fetches);
		return {
			losses: Object.fromEntries(numbers.map((name) => [name.replace("loss.", ""), Number(outputs[name]!.data[0])])),
			gradients: this.#gradientTensors.map((tensor) => tensor.data as Float32Array),
		};
	}

	#feeds(batch: readonly TrainingText[]): Feeds {
		return batchFeeds(batch, { objective: this.options.settings.objective, pooling: this.options.pooling });
	}

	#learningRate(step: number): number {
		const { learning_rate, warmup, scheduler } = this.options.settings.training;
		const warmupSteps = Math.round(warmup * this.totalSteps);
		// A step at rate 0 would be wasted: the warm-up is counted from 1.
		const at = step + (step < warmupSteps ? 1 : 0);
		return learning_rate * this.#learningRateScale * learningRateFactor(at, { scheduler, warmupSteps, totalSteps: this.totalSteps });
	}
}

const ratesOf = (rate: number): Record<ParameterGroup, number> => ({ lora: rate, decoder: rate * DECODER_RATE_FACTOR });

function anchorFeeds({ settings, anchorTarget: target }: TrainerOptions): Feeds {
	if (!whitensAnchor(settings.objective)) return {};
	assert(target !== undefined, "an anchor on whitened similarities needs to know them");
	const dimension = target.map.mean.length;
	return {
		"anchor.mean": float32(target.map.mean, [dimension]),
		"anchor.transform": float32(target.map.matrix, [dimension, dimension]),
		"anchor.scale": float32(Float32Array.of(target.scale), []),
		"anchor.shift": float32(Float32Array.of(target.shift), []),
	};
}
