/** What a training process reports, as events and metrics. */

import type { Logger, TrainMetrics } from "@dak/shared/observability";
import type { Job, JobEventBody, JobPatch, JobService } from "../jobs/index.js";
import type { ChildMessage, ProgressMessage, ResumedMessage } from "../training/index.js";

export interface MessageContext {
	readonly jobs: JobService;
	readonly metrics: TrainMetrics;
	readonly logger: Logger;
}

/** Of a job that has told no step yet. */
const NOTHING_KNOWN = {
	learningRate: 0,
	gradNorm: 0,
	tokensPerSecond: 0,
	sentencesPerSecond: 0,
	memoryBytes: 0,
	deviceMemoryBytes: 0,
	etaSeconds: 0,
};

export class MessageTaker {
	/** Whether a checkpoint was written since the process began: it made headway. */
	checkpointed = false;
	/** The last step that the job's events know. */
	#known: { readonly backoffs: number; readonly step: number };

	constructor(
		private readonly job: Job,
		private readonly context: MessageContext,
	) {
		this.#known = { backoffs: job.backoffs ?? 0, step: job.progress?.step ?? 0 };
	}

	/** @throws STATE_CONFLICT if another attempt has taken the job over */
	async take(message: ChildMessage): Promise<void> {
		const { id, attempt } = this.job;
		const { jobs, metrics } = this.context;
		if (message.type === "progress") await this.#progress(message);
		else if (message.type === "resumed") await this.#resumed(message);
		else if (message.type === "log") await this.#record({ kind: "log", level: message.level, message: message.message });
		else if (message.type === "evaluation") await this.#record({ kind: "evaluation", values: { name: message.name, ...message.values } });
		else if (message.type === "state" && message.state !== "preparing")
			await jobs.move(id, message.state, message.state, undefined, attempt);
		else if (message.type === "checkpoint") {
			this.checkpointed = true;
			const { step, bytes, milliseconds } = message;
			this.context.logger.debug({ job_id: id, step, bytes, milliseconds }, "checkpoint");
			metrics.checkpointSeconds.observe(milliseconds / 1000);
		}
	}

	#record(body: JobEventBody, patch?: JobPatch): Promise<void> {
		return this.context.jobs.record(this.job.id, body, patch, this.job.attempt);
	}

	async #progress(message: ProgressMessage): Promise<void> {
		const { metrics } = this.context;
		const { type: _, stepSeconds, tokens, sentences, peakMemoryBytes, backoffs, ...progress } = message;
		metrics.memoryPeakBytes.set(peakMemoryBytes);
		if (!this.#isNew(message)) return;
		this.#known = { backoffs, step: progress.step };
		// A job that has made headway since a crash of the service was not what brought it down.
		await this.#record({ kind: "progress", progress }, { progress, backoffs, ...(this.checkpointed ? { crashes: 0, retries: 0 } : {}) });
		metrics.steps.inc();
		metrics.tokens.inc(tokens);
		metrics.sentences.inc(sentences);
		metrics.loss.set(progress.loss);
		metrics.tokensPerSecond.set(progress.tokensPerSecond);
		metrics.stepSeconds.observe(stepSeconds);
	}

	/** The step that a checkpoint holds is told where the process that took it was killed before it could; speeds are the last known. */
	async #resumed(message: ResumedMessage): Promise<void> {
		if (!this.#isNew(message)) return;
		const { type: _, backoffs, ...known } = message;
		this.#known = { backoffs, step: known.step };
		const progress = { ...NOTHING_KNOWN, ...this.job.progress, ...known };
		await this.#record({ kind: "progress", progress }, { progress, backoffs });
	}

	/** Steps between the checkpoint and an interruption are done twice, with the same outcome: they are told once. After a back-off the same numbers are other steps. */
	#isNew({ backoffs, step }: Pick<ProgressMessage, "backoffs" | "step">): boolean {
		return backoffs > this.#known.backoffs || (backoffs === this.#known.backoffs && step > this.#known.step);
	}
}
