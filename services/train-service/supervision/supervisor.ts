/** Takes a job from the queue to its end: prepared texts, a training process of its own, a published adapter. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type AdapterManifest, type ArtifactStore, MANIFEST_FILE } from "@dak/shared/adapters";
import { toDakError } from "@dak/shared/errors";
import type { ModelFolder } from "@dak/shared/models";
import type { Logger, TrainMetrics } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import type { Datasets } from "../data/index.js";
import { isTerminal, type Job, type JobId, type JobService, type JobSettings } from "../jobs/index.js";
import type { ChildMessage, ProgressMessage, StartMessage } from "../training/index.js";
import { type Outcome, TrainingChild } from "./child.js";

export interface SupervisorOptions {
	readonly jobs: JobService;
	readonly datasets: Datasets;
	readonly store: ArtifactStore;
	/** Brings a base model, from the hub if need be. */
	readonly resolveModel: (ref: string, onProgress: (message: string) => void) => Promise<ModelFolder>;
	readonly metrics: TrainMetrics;
	readonly logger: Logger;
	/** Jobs' scratch folders lie below it. */
	readonly workRoot: string;
	/** Reports of jobs, also of those that were not published. */
	readonly reportsRoot: string;
	readonly threads: number;
	/** Where jobs run that leave it open. */
	readonly device: JobSettings["device"];
	readonly entry: EntryPoint;
	readonly cancelGraceMs?: number;
}

export class Supervisor {
	readonly #children = new Map<JobId, TrainingChild>();
	readonly #cancelled = new Set<JobId>();

	constructor(private readonly options: SupervisorOptions) {
		options.jobs.stopRunning = (id) => this.#stop(id);
	}

	/** Removes what jobs left that were cut off with an earlier run of the service; before any job runs. */
	sweep(): void {
		const { workRoot } = this.options;
		if (existsSync(workRoot)) for (const id of readdirSync(workRoot)) this.#discard(id as JobId);
		rmSync(workRoot, { recursive: true, force: true });
	}

	/** Runs one job; the queue's handler. The signal: the service is ending. Never rejects for a job's own failure. */
	async run(id: JobId, signal: AbortSignal): Promise<void> {
		const { jobs, logger, metrics } = this.options;
		try {
			jobs.move(id, "preparing", "taken from the queue", { startedAt: Date.now() });
			await this.#work(jobs.get(id), this.#workDir(id), signal);
		} catch (error) {
			this.#failed(id, error);
		} finally {
			this.#children.delete(id);
			this.#cancelled.delete(id);
			this.#discard(id);
			metrics.loss.set(Number.NaN);
			metrics.tokensPerSecond.set(0);
			logger.info({ job_id: id, state: jobs.get(id).state }, "job rests");
		}
	}

	#failed(id: JobId, error: unknown): void {
		const { jobs, logger } = this.options;
		const { reason, message, cause } = toDakError(error);
		if (cause !== undefined) logger.error({ job_id: id, err: cause }, "job failed");
		if (isTerminal(jobs.get(id).state)) return;
		this.#end(id, { kind: "failed", reason, message });
	}

	#workDir(id: JobId): string {
		return join(this.options.workRoot, id);
	}

	/** Leaves nothing of a job but its record, its report and its published adapter. */
	#discard(id: JobId): void {
		rmSync(this.#workDir(id), { recursive: true, force: true });
		this.options.store.discard(id);
	}

	async #work(job: Job, workDir: string, signal: AbortSignal): Promise<void> {
		const start = await this.#prepare(job, workDir);
		if (this.#cancelled.has(job.id) || signal.aborted) return this.#stopped(job.id);
		const child = new TrainingChild(start, {
			entry: this.options.entry,
			logger: this.options.logger.child({ job_id: job.id }),
			onMessage: (message) => this.#message(job.id, message),
			graceMs: this.options.cancelGraceMs ?? 20_000,
		});
		this.#children.set(job.id, child);
		const stop = () => child.kill();
		signal.addEventListener("abort", stop);
		const outcome = await child.ended;
		signal.removeEventListener("abort", stop);
		if (outcome.kind === "done") this.#publish(job, start.outputDir);
		else if (signal.aborted) this.#stopped(job.id);
		else this.#end(job.id, outcome);
	}

	async #prepare({ id, settings }: Job, workDir: string): Promise<StartMessage> {
		const { jobs, datasets, store, threads, resolveModel } = this.options;
		const log = (message: string) => jobs.record(id, { kind: "log", level: "info", message });
		rmSync(workDir, { recursive: true, force: true });
		mkdirSync(workDir, { recursive: true });
		const textsFile = join(workDir, "texts.jsonl");
		const statistics = await datasets.prepare(settings.dataset as { upload: string }, settings.text_column, textsFile);
		log(`${statistics.texts} texts, ${statistics.duplicates_removed} duplicates and ${statistics.blank_removed} blank ones left out`);
		for (const message of statistics.warnings) jobs.record(id, { kind: "log", level: "warn", message });
		const model = await resolveModel(settings.base_model, log);
		const initial = settings.init_adapter;
		return {
			type: "start",
			jobId: id,
			settings: settings.device === "auto" ? { ...settings, device: this.options.device } : settings,
			textsFile,
			modelPath: model.path,
			workDir,
			outputDir: store.stage(id),
			initAdapterDir: initial === undefined ? undefined : store.resolveAdapter(initial).path,
			threads,
		};
	}

	#message(id: JobId, message: ChildMessage): void {
		const { jobs } = this.options;
		if (message.type === "progress") this.#progress(id, message);
		else if (message.type === "log") jobs.record(id, { kind: "log", level: message.level, message: message.message });
		else if (message.type === "evaluation") jobs.record(id, { kind: "evaluation", values: { name: message.name, ...message.values } });
		else if (message.type === "state" && message.state !== "preparing") jobs.move(id, message.state, message.state);
	}

	#progress(id: JobId, message: ProgressMessage): void {
		const { jobs, metrics } = this.options;
		const { type: _, stepSeconds, tokens, sentences, peakMemoryBytes, ...progress } = message;
		jobs.record(id, { kind: "progress", progress }, { progress });
		metrics.steps.inc();
		metrics.tokens.inc(tokens);
		metrics.sentences.inc(sentences);
		metrics.loss.set(progress.loss);
		metrics.tokensPerSecond.set(progress.tokensPerSecond);
		metrics.stepSeconds.observe(stepSeconds);
		metrics.memoryPeakBytes.set(peakMemoryBytes);
	}

	#publish(job: Job, outputDir: string): void {
		const { jobs, store, reportsRoot } = this.options;
		jobs.move(job.id, "publishing", "publishing");
		const report = join(outputDir, "report.json");
		mkdirSync(reportsRoot, { recursive: true });
		if (existsSync(report)) this.#keepReport(report, job.id);
		const held = withheld(job.settings, outputDir);
		if (held !== undefined) {
			jobs.record(job.id, { kind: "log", level: "warn", message: `not published: ${held}` });
			jobs.move(job.id, "succeeded", `not published: ${held}`, { finishedAt: Date.now() });
			return;
		}
		const published = store.publishAdapter(job.settings.adapter_name!, outputDir);
		jobs.move(job.id, "succeeded", `published as ${published.name}`, { finishedAt: Date.now(), adapterPath: published.source });
	}

	#keepReport(report: string, id: string): void {
		const target = join(this.options.reportsRoot, `${id}.json`);
		copyFileSync(report, `${target}.partial`);
		renameSync(`${target}.partial`, target);
	}

	#end(id: JobId, outcome: Outcome): void {
		const { jobs } = this.options;
		const finishedAt = Date.now();
		if (outcome.kind === "cancelled") jobs.move(id, "cancelled", "cancelled while running", { finishedAt });
		else if (outcome.kind === "failed")
			jobs.move(id, "failed", outcome.message, { finishedAt, error: { reason: outcome.reason, message: outcome.message } });
	}

	/** The user's wish stands above the service's end: a cancelled job must not come back at the next start. */
	#stopped(id: JobId): void {
		if (this.#cancelled.has(id)) this.#end(id, { kind: "cancelled" });
		else this.options.jobs.interrupt(id);
	}

	#stop(id: JobId): void {
		this.#cancelled.add(id);
		this.#children.get(id)?.cancel();
	}
}

/** Why an adapter stays unpublished; undefined where it does not. */
function withheld({ publish }: JobSettings, outputDir: string): string | undefined {
	if (publish === "always") return undefined;
	if (publish === "never") return "the job says publish: never";
	const { verdict } = JSON.parse(readFileSync(join(outputDir, MANIFEST_FILE), "utf8")) as Partial<AdapterManifest>;
	return verdict === "regressed" ? "the labelled queries say regressed, and the job says publish: if_not_worse" : undefined;
}
