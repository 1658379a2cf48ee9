import { peakRssBytes } from "@dak/shared/observability";
import type { ProgressMessage } from "./protocol.js";
import type { StepResult } from "./trainer.js";

/** Weight of the newest step in the smoothed speed. */
const SMOOTHING = 0.1;

/** Turns steps into progress: speeds smoothed over the last steps, time left from them. */
export class ProgressMeter {
	#secondsPerStep: number | undefined;

	constructor(private readonly totalSteps: number) {}

	message(step: StepResult, backoffs: number): ProgressMessage {
		const smoothed = this.#secondsPerStep;
		this.#secondsPerStep = smoothed === undefined ? step.seconds : smoothed + SMOOTHING * (step.seconds - smoothed);
		return {
			type: "progress",
			step: step.step,
			totalSteps: this.totalSteps,
			epoch: step.epoch,
			loss: step.loss,
			learningRate: step.learningRate,
			gradNorm: step.gradNorm,
			stepSeconds: step.seconds,
			tokens: step.tokens,
			sentences: step.sentences,
			tokensPerSecond: step.tokens / this.#secondsPerStep,
			sentencesPerSecond: step.sentences / this.#secondsPerStep,
			memoryBytes: process.memoryUsage.rss(),
			peakMemoryBytes: peakRssBytes(),
			// Known to the service, which asks the driver, not to this process.
			deviceMemoryBytes: 0,
			etaSeconds: (this.totalSteps - step.step) * this.#secondsPerStep,
			backoffs,
		};
	}
}
