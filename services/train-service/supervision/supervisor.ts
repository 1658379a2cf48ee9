/** Takes a job from the queue to its rest: prepared texts, a training process of its own, a published adapter. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactStore } from "@dak/shared/adapters";
import { toDakError } from "@dak/shared/errors";
import type { ModelFolder } from "@dak/shared/models";
import type { SharedFolders } from "@dak/shared/objects";
import { currentTraceparent, type Logger, type Tracing, type TrainMetrics } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import { CheckpointMirror, KEPT_MS, sweepCheckpoints } from "../checkpoints/index.js";
import { type Datasets, describeTexts } from "../data/index.js";
import {
	isJobId,
	isTerminal,
	type Job,
	type JobBus,
	type JobId,
	type JobRest,
	type JobService,
	type JobSettings,
	jobSettingsSchema,
} from "../jobs/index.js";
import type { StartMessage } from "../training/index.js";
import { type Outcome, TrainingChild } from "./child.js";
import { MessageTaker } from "./messages.js";
import { Publication } from "./publication.js";
import { Run } from "./run.js";

export interface SupervisorOptions {
	readonly jobs: JobService;
	readonly bus: JobBus;
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
	/** Where other machines can have reports and checkpoints from; undefined where they have the folders themselves. */
	readonly shared?: SharedFolders | undefined;
	/** Called when the job's model is here. @throws INSUFFICIENT_MEMORY if the job would not fit now */
	readonly checkMemory: (job: Job) => Promise<void>;
	/** Most that a job may take that asks for a device, over all nodes; undefined where none runs such jobs. */
	readonly largestBytes: (device: JobSettings["device"]) => Promise<number | undefined>;
	readonly threads: number;
	/** Where jobs run that leave it open. */
	readonly device: JobSettings["device"];
	readonly entry: EntryPoint;
	/** What a training process has to keep a checkpoint, before it is killed. */
	readonly stopGraceMs?: number;
}

/** With the ends of the process and its files, a stopped job rests within a second. */
const STOP_GRACE_MS = 500;
/** Between looks at the job for what its user wants. */
const LOOK_MS = 5000;
/** Times in a row that a job is tried again since what it needs could not be reached. */
const MAX_RETRIES = 5;

export class Supervisor {
	readonly #runs = new Map<JobId, Run>();
	readonly #publication: Publication;
	readonly #mirror: CheckpointMirror | undefined;

	constructor(private readonly options: SupervisorOptions) {
		const { shared, checkpointsRoot, logger } = options;
		this.#mirror = shared && new CheckpointMirror(shared, checkpointsRoot, logger);
		options.bus.onAsk((id, wish) => this.#runs.get(id)?.wish(wish));
		this.#publication = new Publication(options);
	}

	/** Clears up after an earlier run of the service that was cut off; before any job runs. */
	async sweep(): Promise<void> {
		const { workRoot, jobs, store } = this.options;
		for (const job of (await jobs.list({ state: "publishing" })).jobs) await this.#publication.settle(job);
		store.discardAll();
		rmSync(workRoot, { recursive: true, force: true });
		await this.#sweepCheckpoints();
		await this.#sweepMirror();
	}

	/**
	 * Runs one job; the queue's handler. The signal: the service is ending, or the job was given to another. Rejects where the job is to
	 * be tried again later, never for a failure of its own.
	 */
	async run(id: JobId, ending: AbortSignal): Promise<JobRest> {
		const run = new Run(id, ending);
		this.#runs.set(id, run);
		try {
			for (;;) {
				const job = await this.#take(id);
				if (!job) return "ended";
				if (job.wish) run.wish(job.wish);
				const stopLooking = this.#lookForWishes(run, job);
				const rest = await this.#attempt(run, job).finally(stopLooking);
				if (rest !== "again") return rest;
			}
		} finally {
			run.dispose();
			this.#runs.delete(id);
			await this.#rested(id);
		}
	}

	/** What was asked for may have been told while this node could not hear it. */
	#lookForWishes(run: Run, { id, attempt }: Job): () => void {
		const looking = setInterval(() => {
			this.options.jobs.get(id).then(
				(job) => job.wish && job.attempt === attempt && run.wish(job.wish),
				() => {},
			);
		}, LOOK_MS);
		return () => clearInterval(looking);
	}

	/** Undefined where the job is not to be run: it has ended, or another has it. */
	async #take(id: JobId): Promise<Job | undefined> {
		const { jobs } = this.options;
		try {
			await this.#publication.settle(await jobs.get(id));
			return await jobs.take(id);
		} catch (error) {
			if (["STATE_CONFLICT", "JOB_NOT_FOUND"].includes(toDakError(error).reason)) return undefined;
			throw error;
		}
	}

	async #rested(id: JobId): Promise<void> {
		const { jobs, logger, metrics } = this.options;
		metrics.loss.set(Number.NaN);
		metrics.tokensPerSecond.set(0);
		try {
			await this.#sweepCheckpoints();
			if (["succeeded", undefined].includes(await this.#stateOf(id))) await this.#mirror?.forget(id);
			logger.info({ job_id: id, state: (await jobs.get(id)).state }, "job rests");
		} catch (error) {
			logger.warn({ job_id: id, err: error }, "job rests; checkpoints that are no longer wanted were not looked for");
		}
	}

	/** One training process' life. `again`: the job is to be run again at once. */
	async #attempt(run: Run, job: Job): Promise<JobRest | "again"> {
		const workDir = run.newWorkDir(this.options.workRoot);
		const staged = stageOf(job);
		// What an attempt left that its node did not live to clear away.
		this.options.store.discard(stageOf({ ...job, attempt: job.attempt! - 1 }));
		const preparing = this.#prepare(job, workDir, run.stopped);
		try {
			const start = await run.unlessStopped(preparing);
			return start ? await this.#train(run, job, start) : await this.#rests(run, job);
		} catch (error) {
			// First: where the disk is full, there is room then to write down why it failed.
			this.options.store.discard(staged);
			return await this.#failed(job, error);
		} finally {
			this.options.store.discard(staged);
			// Where a download was left behind, files may still appear.
			void preparing.catch(() => {}).finally(() => this.#discard(run.id, workDir));
		}
	}

	async #train(run: Run, job: Job, start: StartMessage): Promise<JobRest | "again"> {
		const { entry, logger, stopGraceMs = STOP_GRACE_MS } = this.options;
		const messages = new MessageTaker(job, this.options);
		const child = new TrainingChild(start, {
			entry,
			logger: logger.child({ job_id: job.id }),
			onMessage: (message) => {
				if (message.type === "checkpoint") this.#mirror?.changed(job.id);
				return messages.take(message);
			},
			graceMs: stopGraceMs,
		});
		run.onStop(() => child.stop());
		const outcome = await child.ended;
		// Before anybody else may take the job up.
		if (outcome.kind !== "done") await this.#mirror?.flush(job.id);
		// A user's wish stands, also where the process was faster.
		if (outcome.kind === "done" && !run.cancelled) await this.#publish(job, start.outputDir);
		else if (run.stopped.aborted) return this.#rests(run, job);
		else if (outcome.kind === "killed" && messages.checkpointed) return this.#again(job, outcome.message);
		else await this.#ended(job, outcome);
		return "ended";
	}

	async #publish(job: Job, outputDir: string): Promise<void> {
		const span = this.options.tracing.begin("publish", { attributes: { job_id: job.id, adapter: job.settings.adapter_name } });
		try {
			await span.within(() => this.#publication.publish(job, outputDir));
			span.end();
		} catch (error) {
			span.end(error);
			throw error;
		}
	}

	async #prepare(job: Job, workDir: string, stopped: AbortSignal): Promise<StartMessage> {
		const { id } = job;
		const { jobs, datasets, store, threads, resolveModel, device, checkpointsRoot, logger } = this.options;
		// One after the other, and not waited for but at the end: what is told of a download must not slow it down.
		let told = Promise.resolve();
		const log = (message: string, level: "info" | "warn" = "info") => {
			if (stopped.aborted) return;
			told = told
				.then(() => jobs.record(id, { kind: "log", level, message }, undefined, job.attempt))
				.catch((error) => {
					logger.warn({ job_id: id, err: error }, "a line of a job's log was lost");
				});
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
		await told;
		stopped.throwIfAborted();
		await this.options.checkMemory(job);
		await this.#mirror?.restore(id);
		const initAdapterDir = await this.#initialAdapter(job);
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
			outputDir: store.stage(stageOf(job)),
			initAdapterDir,
			threads,
		};
	}

	/** The adapter to go on from: the version that was the newest when the job first ran. */
	async #initialAdapter({ id, settings, initAdapter, attempt }: Job): Promise<string | undefined> {
		const { jobs, store } = this.options;
		if (settings.init_adapter === undefined) return undefined;
		if (initAdapter !== undefined) return store.resolvePath(initAdapter);
		const { source } = await store.resolveAdapter(settings.init_adapter);
		const message = `begins with the weights of ${source}`;
		await jobs.record(id, { kind: "log", level: "info", message }, { initAdapter: source }, attempt);
		return store.resolvePath(source);
	}

	/** The process died and the service lives: what it had kept is gone on from. One that dies without headway fails. */
	async #again(job: Job, message: string): Promise<"again"> {
		this.options.logger.warn({ job_id: job.id }, message);
		await this.options.jobs.takeUpAgain(job, message);
		return "again";
	}

	/** Cancelled, paused, or put back since it is no longer this service's to run. What the user asked for stands above that. */
	async #rests(run: Run, job: Job): Promise<JobRest> {
		const { jobs } = this.options;
		const { id, attempt } = job;
		if (run.cancelled) await jobs.move(id, "cancelled", "cancelled while running", { finishedAt: Date.now(), wish: undefined }, attempt);
		else if (run.paused) await jobs.move(id, "paused", "paused while running", { wish: undefined }, attempt);
		else {
			await jobs.interrupt(job);
			return "put_back";
		}
		return "ended";
	}

	async #ended({ id, attempt }: Job, outcome: Outcome): Promise<void> {
		const message = "message" in outcome ? outcome.message : "the training process ended early";
		const reason = outcome.kind === "failed" ? outcome.reason : "TRAINING_FAILED";
		await this.options.jobs.move(id, "failed", message, { finishedAt: Date.now(), error: { reason, message } }, attempt);
	}

	async #failed(job: Job, error: unknown): Promise<JobRest> {
		const { jobs, logger } = this.options;
		const { reason, message, details, cause } = toDakError(error);
		if (cause !== undefined) logger.error({ job_id: job.id, err: cause }, "job failed");
		const { state, attempt } = await jobs.get(job.id);
		// Another has it, or it has ended: there is nothing to say any more.
		if (attempt !== job.attempt || isTerminal(state)) return "ended";
		const { retries = 0 } = job;
		if (reason === "UNAVAILABLE" && retries < MAX_RETRIES) {
			await jobs.takeUpAgain(job, `${message}; tried again later`, { retries: retries + 1 });
			throw error;
		}
		if (reason === "INSUFFICIENT_MEMORY" && (await this.#fitsElsewhere(job, Number(details.estimated_bytes)))) {
			await jobs.sendElsewhere(job, message, Number(details.estimated_bytes));
			return "ended";
		}
		await this.#ended(job, { kind: "failed", reason, message });
		return "ended";
	}

	/** What a job takes was not known before its texts and model were here; a node that can hold it may be there. */
	async #fitsElsewhere({ settings, memoryBytes }: Job, bytes: number): Promise<boolean> {
		return memoryBytes === undefined && bytes <= ((await this.options.largestBytes(settings.device)) ?? 0);
	}

	#discard(id: JobId, workDir: string): void {
		rmSync(workDir, { recursive: true, force: true });
		const ofJob = join(this.options.workRoot, id);
		if (existsSync(ofJob) && readdirSync(ofJob).length === 0) rmdirSync(ofJob);
	}

	/** Checkpoints stay while a job may go on, by itself or by hand. */
	#sweepCheckpoints(): Promise<void> {
		return sweepCheckpoints(this.options.checkpointsRoot, async (id) => {
			const state = await this.#stateOf(id);
			if (state === undefined || state === "succeeded") return "no";
			return isTerminal(state) ? "for a while" : "always";
		});
	}

	/** The same for those that are kept elsewhere; a store that cannot be reached now is looked at another time. */
	async #sweepMirror(): Promise<void> {
		try {
			for (const id of (await this.#mirror?.jobs()) ?? []) {
				const job = isJobId(id) ? await this.#jobOf(id) : undefined;
				const old = job?.finishedAt !== undefined && job.finishedAt < Date.now() - KEPT_MS;
				if (job === undefined || job.state === "succeeded" || (isTerminal(job.state) && old)) await this.#mirror!.forget(id);
			}
		} catch (error) {
			this.options.logger.warn({ err: error }, "checkpoints that are no longer wanted were not looked for");
		}
	}

	/** Undefined for what is no job's. */
	async #stateOf(id: string): Promise<Job["state"] | undefined> {
		return isJobId(id) ? (await this.#jobOf(id))?.state : undefined;
	}

	async #jobOf(id: JobId): Promise<Job | undefined> {
		try {
			return await this.options.jobs.get(id);
		} catch (error) {
			if (toDakError(error).reason === "JOB_NOT_FOUND") return undefined;
			throw error;
		}
	}
}

/** Each attempt writes into a folder of its own: one that was given up may still be writing. */
const stageOf = ({ id, attempt }: Job): string => `${id}.${attempt}`;
