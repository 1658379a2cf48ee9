/** The service's objects, built from the configuration and handed to each other. */
import { join } from "node:path";
import { openArtifacts } from "@dak/shared/adapters";
import type { Config } from "@dak/shared/config";
import { bringModel, type ModelSources, modelSources, resolveModel } from "@dak/shared/models";
import type { SharedFolders } from "@dak/shared/objects";
import { createTracing, createTrainMetrics, GpuMonitor, type Logger, type Tracing, type TrainMetrics } from "@dak/shared/observability";
import { chooseDevice, type EntryPoint, usableDevices } from "@dak/shared/runtime";
import { Application } from "../api/index.js";
import { Datasets, type Readers } from "../data/index.js";
import type { JobEstimator } from "../estimate/index.js";
import { type Dataset, EventHub, type JobQueue, JobService, type JobSettings, type JobStore, Patience } from "../jobs/index.js";
import { Supervisor } from "../supervision/index.js";
import { createAdmission, estimateOf } from "./admission.js";
import { type Backend, openBackend } from "./backend.js";
import { Estimates } from "./estimates.js";

export interface Parts {
	readonly metrics: TrainMetrics;
	readonly tracing: Tracing;
	readonly backend: Backend;
	readonly queue: JobQueue;
	readonly jobs: JobService;
	readonly patience: Patience;
	readonly supervisor: Supervisor;
	readonly app: Application;
	readonly gpu: GpuMonitor;
	readonly estimator: JobEstimator;
}

const MAX_QUEUED = 1000;

/** Builds everything; only the backend is opened, which the caller closes. @throws UNAVAILABLE if it cannot be */
export async function compose(
	config: Config,
	logger: Logger,
	entry: EntryPoint,
	readers: Readers,
	estimator: JobEstimator,
): Promise<Parts> {
	const metrics = createTrainMetrics();
	const tracing = createTracing("train-service", config);
	const { store: artifacts, folders: shared } = await openArtifacts(config);
	const backend = await openBackend(config, logger);
	const { store, bus, sharedRoot } = backend;
	const gpu = new GpuMonitor(metrics);
	const models = modelSources(config);
	const datasets = datasetsOf(config, sharedRoot, shared, models, readers);
	const threads = Math.max(1, Math.floor(config.DAK_THREADS / Math.max(1, config.DAK_TRAIN_MAX_JOBS)));
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
		largestBytes: (device) => backend.largestBytes(device),
	});
	const facts = {
		device: chooseDevice(config.DAK_DEVICE).kind,
		devices: usableDevices(),
		budgetBytes: estimates.budgetBytes,
		maxJobs: config.DAK_TRAIN_MAX_JOBS,
	};
	const queue = backend.openQueue((depth) => metrics.queueDepth.set(depth), facts);
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
	const patience = new Patience(logger);
	const jobs = new JobService({ store, queue, bus, events: new EventHub(store, bus), admit, maxQueued: MAX_QUEUED, onState, patience });
	const reportsRoot = join(sharedRoot, "reports");
	const supervisor = new Supervisor({
		jobs,
		bus,
		datasets,
		store: artifacts,
		resolveModel: (ref, onProgress) => bringModel(ref, { ...models, onProgress }),
		metrics,
		logger,
		tracing,
		workRoot: backend.workRoot,
		checkpointsRoot: join(sharedRoot, "checkpoints"),
		reportsRoot,
		shared,
		checkMemory: async ({ id, settings, memoryBytes, attempt }) => {
			const bytes = await estimates.start(settings, memoryBytes, queue.heldBytes(id));
			if (bytes !== undefined && bytes !== memoryBytes)
				await jobs.record(
					id,
					{ kind: "log", level: "info", message: `expected to take ${Math.round(bytes / 2 ** 20)} MiB` },
					{ memoryBytes: bytes },
					attempt,
				);
		},
		largestBytes: (device) => backend.largestBytes(device),
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
		artifacts,
		reportsRoot,
		shared,
		estimate: (settings) => estimateOf(settings, admission),
	});
	return { gpu, estimator, metrics, tracing, backend, queue, jobs, patience, supervisor, app };
}

/** The first GPU's memory: the one that ONNX Runtime takes. */
function deviceMemory(gpu: GpuMonitor) {
	const [reading] = gpu.readings;
	return reading && { totalBytes: reading.memoryTotalBytes, usedBytes: reading.memoryUsedBytes };
}

/** Speeds of the last jobs with the same base and arithmetic, by which a like one's time is told. */
async function pastSpeeds(store: JobStore, { base_model, quantization, objective, training }: JobSettings): Promise<number[]> {
	const alike = (other: JobSettings) =>
		other.base_model === base_model &&
		other.quantization.kind === quantization.kind &&
		other.training.vocabulary === training.vocabulary &&
		JSON.stringify(other.objective) === JSON.stringify(objective);
	const done = await store.list({ state: "succeeded", limit: 50 });
	return done.flatMap(({ settings, progress }) =>
		progress && progress.tokensPerSecond > 0 && alike(settings) ? [progress.tokensPerSecond] : [],
	);
}

function datasetsOf(
	config: Config,
	sharedRoot: string,
	shared: SharedFolders | undefined,
	{ hub, hubCache }: ModelSources,
	readers: Readers,
): Datasets {
	return new Datasets({
		folder: join(sharedRoot, "datasets"),
		hubFolder: join(config.dataDir, "hub-datasets"),
		shared,
		alone: config.DAK_REDIS_URL === undefined,
		dataRoot: config.dataRoot,
		hub: { hub, hubCache },
		readers,
		maxUploadBytes: config.DAK_MAX_UPLOAD_BYTES,
		maxTextBytes: config.DAK_MAX_TEXT_BYTES,
	});
}
