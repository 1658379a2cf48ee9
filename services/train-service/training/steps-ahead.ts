/** Steps of a GPU, which takes several in a call and keeps their state to itself, handed out one by one. */
import {
	DeviceSteps,
	type DeviceStepsOptions,
	type StepInput,
	type StepNumbers,
	type TrainingStep,
	type TrainingText,
} from "@dak/shared/nn";

/** A step before it is taken. */
export interface PlannedStep extends StepInput {
	readonly texts: readonly TrainingText[];
	/** Of LoRA's factors. */
	readonly learningRate: number;
}

export interface TakenStep extends StepNumbers, Pick<PlannedStep, "texts" | "learningRate"> {
	/** Its share of the call. */
	readonly seconds: number;
}

export interface StepsAheadOptions extends DeviceStepsOptions {
	readonly plan: (step: number) => PlannedStep;
	/** Steps of the whole run. */
	readonly total: number;
	/** A call ends at each multiple of so many steps, so that the state can be saved there. */
	readonly settleEvery: number;
}

/** Enough to hide what a call costs. */
const MAX_STEPS_PER_CALL = 8;
/** A stop waits for the call that runs. How steps are spread over calls has no influence on what they compute. */
const MAX_CALL_SECONDS = 0.5;

export class StepsAhead {
	#taken: TakenStep[] = [];
	#stale = false;
	/** Of the last call; unknown before the first, which therefore takes one step. */
	#secondsPerStep = Number.POSITIVE_INFINITY;

	private constructor(
		private readonly device: DeviceSteps,
		private readonly options: StepsAheadOptions,
	) {}

	static async create(step: TrainingStep, options: StepsAheadOptions): Promise<StepsAhead> {
		return new StepsAhead(await DeviceSteps.create(step, options), options);
	}

	/** Whether the host's parameters and moments are those after the last step that was handed out. */
	get settled(): boolean {
		return this.#taken.length === 0;
	}

	/** Forgets steps that were not handed out; the next call begins from the host's parameters and moments. */
	reload(): void {
		this.#taken = [];
		this.#stale = true;
	}

	/** Step `step` (from 0); steps are asked for in order. */
	async next(step: number): Promise<TakenStep> {
		if (this.#taken.length === 0) await this.#call(step);
		return this.#taken.shift()!;
	}

	async #call(first: number): Promise<void> {
		const started = performance.now();
		const { total, settleEvery } = this.options;
		const inTime = Math.max(1, Math.floor(MAX_CALL_SECONDS / this.#secondsPerStep));
		const count = Math.min(MAX_STEPS_PER_CALL, inTime, total - first, settleEvery - (first % settleEvery));
		if (this.#stale) await this.device.load();
		this.#stale = false;
		const planned = Array.from({ length: count }, (_, i) => this.options.plan(first + i));
		const numbers = await this.device.run(planned);
		await this.device.sync();
		const seconds = (performance.now() - started) / 1000 / count;
		this.#secondsPerStep = seconds;
		numbers.forEach((one, i) => {
			const { texts, learningRate } = planned[i]!;
			this.#taken.push({ ...one, texts, learningRate, seconds });
		});
	}

	endProfiling(): void {
		this.device.endProfiling();
	}

	dispose(): Promise<void> {
		return this.device.dispose();
	}
}
