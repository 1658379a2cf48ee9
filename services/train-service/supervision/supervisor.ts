/** Takes a job from the queue to its rest: prepared texts, a training process of its own, a published adapter. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactStore } from "@dak/shared/adapters";
import { toDakError } from "@dak/shared/errors";
import type { ModelFolder } from "@dak/shared/models";
import { currentTraceparent, type Logger, type Tracing, type TrainMetrics } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import { sweepCheckpoints } from "../checkpoints/index.js";
import { type Datasets, describeTexts } from "../data/index.js";
import { isJobId, isTerminal, type Job, type JobId, type JobService, type JobSettings, jobSettingsSchema } from "../jobs/index.js";
import type { StartMessage } from "../training/index.js";
import { type Outcome, TrainingChild } from "./child.js";
import { MessageTaker } from "./messages.js";
import { Publication } from "./publication.js";
import { Run } from "./run.js";

export interface SupervisorOptions {
	readonly jobs: JobService;
	readonly datasets: Datasets;
	readonly store: ArtifactStore;
	/** Brings a base model, from the hub if need be. */
	readonly resolveModel: (ref: string, onProgress: (message: string) => void) => Promise<ModelFolder>;
	readonly metrics: TrainMetrics;
	readonly logger: Logger;
	readonly tracing: Tracing;
	/** Jobs' scratch folders lie below it. */
	readonly workRoot: string;
	/** Jobs' checkpoints, a folder each. */
	readonly checkpointsRoot: string;
	/** Reports of jobs, also of those that were not published. */
	readonly reportsRoot: string;
	/** Called when the job's model is here. @throws INSUFFICIENT_MEMORY if the job would not fit now */
	readonly checkMemory: (job: Job) => Promise<void>;
	readonly threads: number;
	/** Where jobs run that leave it open. */
	readonly device: JobSettings["device"];
	readonly entry: EntryPoint;
	/** What a training process has to keep a checkpoint, before it is killed. */
	readonly stopGraceMs?: number;
}

/** With the ends of the process and its files, a stopped job rests within a second. */
const STOP_GRACE_MS = 500;

export class Supervisor {
	readonly #runs = new Map<JobId, Run>();
	readonly #publication: Publication;

	constructor(private readonly options: SupervisorOptions) {
		options.jobs.stopRunning = (id) => this.#runs.get(id)?.cancel();
		options.jobs.pauseRunning = (id) => this.#runs.get(id)?.pause();
		this.#publication = new Publication(options);
	}

	/** Clears up after an earlier run of the service that was cut off; before any job runs. */
	sweep(): void {
		const { workRoot, store } = this.options;
		this.#publication.settle();
		if (existsSync(workRoot)) for (const id of readdirSync(workRoot)) store.discard(id);
		rmSync(workRoot, { recursive: true, force: true });
		this.#sweepCheckpoints();
	}

	/** Runs one job; the queue's handler. The signal: the service is ending. Never rejects for a job's own failure. */
	async run(id: JobId, ending: AbortSignal): Promise<void> {
		const { jobs, logger, metrics } = this.options;
		const run = new Run(id, ending);
		this.#runs.set(id, run);
		try {
			do jobs.move(id, "preparing", "taken from the queue", { startedAt: Date.now() });
			while (await this.#attempt(run));
		} catch (error) {
			this.#failed(id, error);
		} finally {
			run.dispose();
			this.#runs.delete(id);
			this.#sweepCheckpoints();
			metrics.loss.set(Number.NaN);
			metrics.tokensPerSecond.set(0);
			logger.info({ job_id: id, state: jobs.get(id).state }, "job rests");
		}
	}

	/** One training process' life. @returns whether the job is to be run again at once */
	async #attempt(run: Run): Promise<boolean> {
		const job = this.options.jobs.get(run.id);
		const workDir = run.newWorkDir(this.options.workRoot);
		const preparing = this.#prepare(job, workDir, run.stopped);
		try {
			const start = await run.unlessStopped(preparing);
			return start ? await this.#train(run, job, start) : this.#rests(run);
		} finally {
			this.options.store.discard(run.id);
			// Where a download was left behind, files may still appear.
			void preparing.catch(() => {}).finally(() => this.#discard(run.id, workDir));
		}
	}

	async #train(run: Run, job: Job, start: StartMessage): Promise<boolean> {
		const { entry, logger, stopGraceMs = STOP_GRACE_MS } = this.options;
		const messages = new MessageTaker(job.id, job, this.options);
		const child = new TrainingChild(start, {
			entry,
			logger: logger.child({ job_id: job.id }),
			onMessage: (message) => messages.take(message),
			graceMs: stopGraceMs,
		});
		run.onStop(() => child.stop());
		const outcome = await child.ended;
		// A user's wish stands, also where the process was faster.
		if (outcome.kind === "done" && !run.cancelled) this.#publish(job, start.outputDir);
		else if (run.stopped.aborted) this.#rests(run);
		else if (outcome.kind === "killed" && messages.checkpointed) return this.#again(job, outcome.message);
		else this.#ended(job.id, outcome);
		return false;
	}

	#publish(job: Job, outputDir: string): void {
		const span = this.options.tracing.begin("publish", { attributes: { job_id: job.id, adapter: job.settings.adapter_name } });
		try {
			span.within(() => this.#publication.publish(job, outputDir));
			span.end();
		} catch (error) {
			span.end(error);
			throw error;
		}
	}

	async #prepare(job: Job, workDir: string, stopped: AbortSignal): Promise<StartMessage> {
		const { id } = job;
		const { jobs, datasets, store, threads, resolveModel, device, checkpointsRoot } = this.options;
		const log = (message: string, level: "info" | "warn" = "info") => {
			if (!stopped.aborted) jobs.record(id, { kind: "log", level, message });
		};
		// An older version's job may lack what has a default since.
		const settings = jobSettingsSchema.parse(job.settings);
		mkdirSync(workDir, { recursive: true });
		const textsFile = join(workDir, "texts.jsonl");
		const validationFile = join(workDir, "validation.jsonl");
		const model = await resolveModel(settings.base_model, log);
		const base = { ref: settings.base_model, folder: model.path, maxLength: settings.max_length };
		const outputs = { texts: textsFile, validation: validationFile };
		const statistics = await datasets.prepare(settings, base, outputs, { signal: stopped, onProgress: log });
		log(describeTexts(statistics));
		for (const message of statistics.warnings) log(message, "warn");
		stopped.throwIfAborted();
		await this.options.checkMemory(job);
		stopped.throwIfAborted();
		return {
			type: "start",
			jobId: id,
			traceparent: currentTraceparent(),
			settings: settings.device === "auto" ? { ...settings, device } : settings,
			textsFile,
			validationFile: existsSync(validationFile) ? validationFile : undefined,
			// The report is published with the adapter: the sample of the user's texts is not.
			datasetStatistics: { ...statistics, sample: undefined },
			modelPath: model.path,
			workDir,
			checkpointDir: join(checkpointsRoot, id),
			outputDir: store.stage(id),
			initAdapterDir: this.#initialAdapter(job),
			threads,
		};
	}

	/** The adapter to go on from: the version that was the newest when the job first ran. */
	#initialAdapter({ id, settings, initAdapter }: Job): string | undefined {
		const { jobs, store } = this.options;
		if (settings.init_adapter === undefined) return undefined;
		if (initAdapter !== undefined) return store.resolvePath(initAdapter);
		const { path, source } = store.resolveAdapter(settings.init_adapter);
		jobs.record(id, { kind: "log", level: "info", message: `begins with the weights of ${source}` }, { initAdapter: source });
		return path;
	}

	/** The process died and the service lives: what it had kept is gone on from. One that dies without headway fails. */
	#again({ id }: Job, message: string): boolean {
		this.options.logger.warn({ job_id: id }, message);
		this.options.jobs.takeUpAgain(id, message);
		return true;
	}

	/** Cancelled, paused, or put back since the service is ending. What the user asked for stands above the service's end. */
	#rests(run: Run): false {
		if (run.cancelled) this.options.jobs.move(run.id, "cancelled", "cancelled while running", { finishedAt: Date.now() });
		else if (run.paused) this.options.jobs.move(run.id, "paused", "paused while running");
		else this.options.jobs.interrupt(run.id);
		return false;
	}

	#ended(id: JobId, outcome: Outcome): void {
		const message = "message" in outcome ? outcome.message : "the training process ended early";
		const reason = outcome.kind === "failed" ? outcome.reason : "TRAINING_FAILED";
		this.options.jobs.move(id, "failed", message, { finishedAt: Date.now(), error: { reason, message } });
	}

	#failed(id: JobId, error: unknown): void {
		const { jobs, logger } = this.options;
		const { reason, message, cause } = toDakError(error);
		if (cause !== undefined) logger.error({ job_id: id, err: cause }, "job failed");
		if (!isTerminal(jobs.get(id).state)) this.#ended(id, { kind: "failed", reason, message });
	}

	#discard(id: JobId, workDir: string): void {
		rmSync(workDir, { recursive: true, force: true });
		const ofJob = join(this.options.workRoot, id);
		if (existsSync(ofJob) && readdirSync(ofJob).length === 0) rmdirSync(ofJob);
	}

	/** Checkpoints stay while a job may go on, by itself or by hand. */
	#sweepCheckpoints(): void {
		sweepCheckpoints(this.options.checkpointsRoot, (id) => {
			const state = this.#stateOf(id);
			if (state === undefined || state === "succeeded") return "no";
			return isTerminal(state) ? "for a while" : "always";
		});
	}

	#stateOf(id: string): Job["state"] | undefined {
		try {
			return isJobId(id) ? this.options.jobs.get(id).state : undefined;
		} catch {
			return undefined;
		}
	}
}
