/**
 * What makes a training survive its process and a loss that runs away: a checkpoint every so often, and the way back to one.
 *
 * When a checkpoint is written by the clock has no influence on the result. One that a back-off returns to has: these anchors are
 * written at multiples of `every_steps` only, so that a job that was interrupted backs off to where an undisturbed one would.
 */
import { DakError, storageText } from "@dak/shared/errors";
import type { TensorData } from "@dak/shared/safetensors";
import { float32Tensor } from "@dak/shared/safetensors";
import type { Checkpoint, CheckpointFolder } from "../checkpoints/index.js";
import type { JobSettings } from "../jobs/index.js";
import { LossCurve } from "./loss-curve.js";
import { NonFiniteError } from "./non-finite.js";
import type { ChildMessage } from "./protocol.js";
import type { StepResult, Trainer } from "./trainer.js";
import type { StateTensor } from "./trainer-state.js";

export interface CheckpointingOptions {
	readonly trainer: Trainer;
	readonly folder: CheckpointFolder;
	/** `trainingIdentity` of this training. */
	readonly training: string;
	readonly settings: JobSettings;
	readonly device: string;
	readonly threads: number;
	readonly send: (message: ChildMessage) => void;
}

/** What is left of the learning rate after a back-off. */
const BACK_OFF_SCALE = 0.25;
const MAX_BACKOFFS = 1;

export class Checkpointing {
	readonly curve = new LossCurve();
	#backoffs = 0;
	/** Of the newest checkpoint, or of the beginning. */
	#keptStep = 0;
	#keptAt = performance.now();

	constructor(private readonly options: CheckpointingOptions) {}

	/** Times that the training went back. */
	get backoffs(): number {
		return this.#backoffs;
	}

	/** Puts the trainer where the newest checkpoint stands, if there is one. @throws STATE_CONFLICT if it is of another training */
	resume(): void {
		const { folder, trainer, training, threads, device } = this.options;
		const checkpoint = folder.newest();
		if (!checkpoint) return;
		const { state } = checkpoint;
		if (state.training !== training)
			throw new DakError(
				"STATE_CONFLICT",
				`the job's texts, base model or version of this program are not those that its checkpoint at step ${state.step} was written with; bring them back and resume it, or submit a new job`,
			);
		this.#restore(checkpoint, state.schedule.scale);
		this.#backoffs = state.backoffs;
		this.#log("info", `goes on from the checkpoint at step ${state.step} of ${trainer.totalSteps}`);
		this.#tellLastStep();
		if (state.threads !== threads || state.device !== device) {
			const then = `${state.device} with ${state.threads} threads`;
			this.#log("warn", `the checkpoint was written on ${then}, this is ${device} with ${threads}: the last digits may come out otherwise`);
		}
	}

	#tellLastStep(): void {
		const { trainer, send } = this.options;
		const last = this.curve.points.at(-1);
		if (!last) return;
		const { step, loss } = last;
		send({ type: "resumed", step, totalSteps: trainer.totalSteps, epoch: trainer.epoch, loss, backoffs: this.#backoffs });
	}

	/** Takes note of a step, and writes a checkpoint if it is time. @throws NonFiniteError if a parameter is no longer finite */
	took(step: StepResult): void {
		this.curve.add(step);
		const { every_steps, every_seconds } = this.options.settings.checkpoint;
		const byStep = step.step % every_steps === 0;
		const late = performance.now() - this.#keptAt >= 1000 * every_seconds;
		if (!byStep && !(late && this.options.trainer.settled) && !this.options.trainer.done) return;
		if (!this.#finite()) throw new NonFiniteError(step.step, "a parameter is not finite", this.options.settings.training.learning_rate);
		this.#write(byStep && this.curve.steady);
	}

	/** Before a stop: keeps what the newest checkpoint does not hold. */
	keep(): void {
		if (this.options.trainer.state().step > this.#keptStep && this.#finite()) this.#write(false);
	}

	/**
	 * Back to the last anchor, or the beginning, with a lower learning rate: once.
	 * @throws TRAINING_FAILED the second time
	 */
	backOff({ step, found }: NonFiniteError): void {
		const { trainer, folder, settings } = this.options;
		const rate = settings.training.learning_rate;
		const lower = rate * BACK_OFF_SCALE;
		if (this.#backoffs >= MAX_BACKOFFS)
			throw new DakError(
				"TRAINING_FAILED",
				`step ${step}: ${found}, also after going back with the learning rate lowered from ${rate} to ${lower}; try a training.learning_rate well below ${lower}, and look at the texts`,
			);
		this.#backoffs++;
		const anchor = folder.newestAnchor();
		if (anchor) this.#restore(anchor, BACK_OFF_SCALE);
		else {
			trainer.restart(BACK_OFF_SCALE);
			this.curve.clear();
		}
		const to = anchor?.state.step ?? 0;
		this.#log("warn", `step ${step}: ${found}; goes back to step ${to} with the learning rate lowered from ${rate} to ${lower}, once`);
		this.#write(false);
	}

	#restore({ state, tensors }: Checkpoint, learningRateScale: number): void {
		const all = Object.entries(tensors).flatMap(([name, { shape, data, dtype }]): [string, StateTensor][] =>
			dtype === "F32"
				? [[name, { shape, values: new Float32Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength / 4) }]]
				: [],
		);
		this.options.trainer.restore({ step: state.step, learningRateScale, tensors: new Map(all) });
		this.curve.restore(tensors, state.loss);
		this.#kept(state.step);
	}

	#finite(): boolean {
		return [...this.options.trainer.state().tensors.values()].every(({ values }) => allFinite(values));
	}

	#kept(step: number): void {
		this.#keptStep = step;
		this.#keptAt = performance.now();
	}

	/** A checkpoint that cannot be written (a full disk) costs what would have to be done again, not the training. */
	#write(anchor: boolean): void {
		const { folder, send } = this.options;
		const checkpoint = this.#checkpoint();
		const { step } = checkpoint.state;
		try {
			const { bytes, milliseconds } = folder.write(checkpoint, anchor);
			send({ type: "checkpoint", step, bytes, milliseconds });
		} catch (error) {
			this.#log("warn", `the checkpoint at step ${step} could not be written (${storageText(error)}); training goes on`);
		}
		this.#kept(step);
	}

	#checkpoint(): Checkpoint {
		const { trainer, training, settings, device, threads } = this.options;
		const { step, learningRateScale, tensors } = trainer.state();
		const { scheduler, learning_rate, seed, gradient_accumulation } = settings.training;
		return {
			state: {
				format: 1,
				training,
				step,
				data: { next_micro_batch: step * gradient_accumulation, epoch: trainer.epoch, seed },
				schedule: { scheduler, total_steps: trainer.totalSteps, learning_rate, scale: learningRateScale },
				backoffs: this.#backoffs,
				loss: this.curve.level,
				device,
				threads,
			},
			tensors: { ...asTensors(tensors), ...this.curve.tensors() },
		};
	}

	#log(level: "info" | "warn", message: string): void {
		this.options.send({ type: "log", level, message });
	}
}

const asTensors = (state: ReadonlyMap<string, StateTensor>): Record<string, TensorData> =>
	Object.fromEntries([...state].map(([name, { shape, values }]) => [name, float32Tensor(values, shape)]));

/** 0 · x is 0 for every finite x, and NaN for the others. */
function allFinite(values: Float32Array): boolean {
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += 0 * values[i]!;
	return sum === 0;
}
