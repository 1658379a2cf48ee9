/** The service's objects, built from the configuration and handed to each other. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { FolderArtifactStore } from "@dak/shared/adapters";
import type { Config } from "@dak/shared/config";
import { bringModel, type ModelSources, modelSources, resolveModel } from "@dak/shared/models";
import { createTracing, createTrainMetrics, GpuMonitor, type Logger, type Tracing, type TrainMetrics } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import { Application } from "../api/index.js";
import { Datasets, type Readers } from "../data/index.js";
import type { JobEstimator } from "../estimate/index.js";
import { type Dataset, EmbeddedQueue, EventHub, type JobQueue, JobService, type JobSettings, LibsqlJobStore } from "../jobs/index.js";
import { Supervisor } from "../supervision/index.js";
import { createAdmission, estimateOf } from "./admission.js";
import { Estimates } from "./estimates.js";

export interface Parts {
	readonly metrics: TrainMetrics;
	readonly tracing: Tracing;
	readonly store: LibsqlJobStore;
	readonly queue: JobQueue;
	readonly jobs: JobService;
	readonly supervisor: Supervisor;
	readonly app: Application;
	readonly gpu: GpuMonitor;
	readonly estimator: JobEstimator;
}

const MAX_QUEUED = 1000;

/** Builds everything; only the job file is opened, which the caller closes. @throws UNAVAILABLE if another service has it */
export function compose(config: Config, logger: Logger, entry: EntryPoint, readers: Readers, estimator: JobEstimator): Parts {
	mkdirSync(config.dataDir, { recursive: true });
	const metrics = createTrainMetrics();
	const tracing = createTracing("train-service", config);
	const store = new LibsqlJobStore(join(config.dataDir, "jobs.db"));
	const gpu = new GpuMonitor(metrics);
	const artifacts = new FolderArtifactStore(config.artifactsDir);
	const models = modelSources(config);
	const datasets = datasetsOf(config, models, readers);
	const threads = Math.max(1, Math.floor(config.DAK_THREADS / config.DAK_TRAIN_MAX_JOBS));
	const estimates = new Estimates({
		estimator,
		datasets,
		models,
		logger,
		threads,
		device: config.DAK_DEVICE,
		memoryMib: config.DAK_TRAIN_MEMORY,
		deviceMemory: () => deviceMemory(gpu),
		pastSpeeds: (settings) => pastSpeeds(store, settings),
	});
	const queue = new EmbeddedQueue({ onDepth: (depth) => metrics.queueDepth.set(depth), budgetBytes: estimates.budgetBytes });
	const admission = {
		datasets,
		artifacts,
		saveDataset: (dataset: Dataset) => store.saveDataset(dataset),
		models,
		maxLoraRank: config.DAK_MAX_LORA_RANK,
		estimates,
	};
	const admit = createAdmission(admission);
	const onState = (state: string) => metrics.jobs.inc({ state });
	const jobs = new JobService({ store, queue, events: new EventHub(store), admit, maxQueued: MAX_QUEUED, onState });
	const reportsRoot = join(config.dataDir, "reports");
	const supervisor = new Supervisor({
		jobs,
		datasets,
		store: artifacts,
		resolveModel: (ref, onProgress) => bringModel(ref, { ...models, onProgress }),
		metrics,
		logger,
		tracing,
		workRoot: join(config.dataDir, "work"),
		checkpointsRoot: join(config.dataDir, "checkpoints"),
		reportsRoot,
		checkMemory: async ({ id, settings, memoryBytes }) => {
			const bytes = await estimates.start(settings, memoryBytes, queue.heldBytes(id));
			if (bytes !== undefined && bytes !== memoryBytes)
				jobs.record(
					id,
					{ kind: "log", level: "info", message: `expected to take ${Math.round(bytes / 2 ** 20)} MiB` },
					{ memoryBytes: bytes },
				);
		},
		threads,
		device: config.DAK_DEVICE,
		entry,
	});
	const app = new Application({
		jobs,
		store,
		datasets,
		resolveModel: (ref) => resolveModel(ref, models),
		defaultModel: config.DAK_BASE_MODEL,
		artifactsRoot: config.artifactsDir,
		reportsRoot,
		estimate: (settings) => estimateOf(settings, admission),
	});
	return { gpu, estimator, metrics, tracing, store, queue, jobs, supervisor, app };
}

/** The first GPU's memory: the one that ONNX Runtime takes. */
function deviceMemory(gpu: GpuMonitor) {
	const [reading] = gpu.readings;
	return reading && { totalBytes: reading.memoryTotalBytes, usedBytes: reading.memoryUsedBytes };
}

/** Speeds of the last jobs with the same base and arithmetic, by which a like one's time is told. */
function pastSpeeds(store: LibsqlJobStore, { base_model, quantization, objective, training }: JobSettings): number[] {
	const alike = (other: JobSettings) =>
		other.base_model === base_model &&
		other.quantization.kind === quantization.kind &&
		other.training.vocabulary === training.vocabulary &&
		JSON.stringify(other.objective) === JSON.stringify(objective);
	return store
		.list({ state: "succeeded", limit: 50 })
		.flatMap(({ settings, progress }) => (progress && progress.tokensPerSecond > 0 && alike(settings) ? [progress.tokensPerSecond] : []));
}

function datasetsOf(config: Config, { hub, hubCache }: ModelSources, readers: Readers): Datasets {
	return new Datasets({
		folder: join(config.dataDir, "datasets"),
		dataRoot: config.dataRoot,
		hub: { hub, hubCache },
		readers,
		maxUploadBytes: config.DAK_MAX_UPLOAD_BYTES,
		maxTextBytes: config.DAK_MAX_TEXT_BYTES,
	});
}
