/** What a training process reports, as events and metrics. */

import type { Logger, TrainMetrics } from "@dak/shared/observability";
import type { Job, JobId, JobService } from "../jobs/index.js";
import type { ChildMessage, ProgressMessage } from "../training/index.js";

export interface MessageContext {
	readonly jobs: JobService;
	readonly metrics: TrainMetrics;
	readonly logger: Logger;
}

export class MessageTaker {
	/** Whether a checkpoint was written since the process began: it made headway. */
	checkpointed = false;
	/** The last step that the job's events know. */
	#known: { readonly backoffs: number; readonly step: number };

	constructor(
		private readonly id: JobId,
		{ progress, backoffs = 0 }: Job,
		private readonly context: MessageContext,
	) {
		this.#known = { backoffs, step: progress?.step ?? 0 };
	}

	take(message: ChildMessage): void {
		const { id } = this;
		const { jobs, metrics } = this.context;
		if (message.type === "progress") this.#progress(message);
		else if (message.type === "log") jobs.record(id, { kind: "log", level: message.level, message: message.message });
		else if (message.type === "evaluation") jobs.record(id, { kind: "evaluation", values: { name: message.name, ...message.values } });
		else if (message.type === "state" && message.state !== "preparing") jobs.move(id, message.state, message.state);
		else if (message.type === "checkpoint") {
			this.checkpointed = true;
			const { step, bytes, milliseconds } = message;
			this.context.logger.debug({ job_id: id, step, bytes, milliseconds }, "checkpoint");
			metrics.checkpointSeconds.observe(milliseconds / 1000);
		}
	}

	#progress(message: ProgressMessage): void {
		const { jobs, metrics } = this.context;
		const { type: _, stepSeconds, tokens, sentences, peakMemoryBytes, backoffs, ...progress } = message;
		metrics.memoryPeakBytes.set(peakMemoryBytes);
		if (!this.#isNew(message)) return;
		this.#known = { backoffs, step: progress.step };
		// A job that has made headway since a crash of the service was not what brought it down.
		jobs.record(this.id, { kind: "progress", progress }, { progress, backoffs, ...(this.checkpointed ? { crashes: 0 } : {}) });
		metrics.steps.inc();
		metrics.tokens.inc(tokens);
		metrics.sentences.inc(sentences);
		metrics.loss.set(progress.loss);
		metrics.tokensPerSecond.set(progress.tokensPerSecond);
		metrics.stepSeconds.observe(stepSeconds);
	}

	/** Steps between the checkpoint and an interruption are done twice, with the same outcome: they are told once. After a back-off the same numbers are other steps. */
	#isNew({ backoffs, step }: ProgressMessage): boolean {
		return backoffs > this.#known.backoffs || (backoffs === this.#known.backoffs && step > this.#known.step);
	}
}
