/** The service's objects, built from the configuration and handed to each other. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { FolderArtifactStore } from "@dak/shared/adapters";
import type { Config } from "@dak/shared/config";
import { bringModel, type ModelSources, modelSources, resolveModel } from "@dak/shared/models";
import { createTrainMetrics, type Logger, type TrainMetrics } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import { Application } from "../api/index.js";
import { Datasets, type Readers } from "../data/index.js";
import { EmbeddedQueue, EventHub, type JobQueue, JobService, LibsqlJobStore } from "../jobs/index.js";
import { Supervisor } from "../supervision/index.js";
import { createAdmission } from "./admission.js";

export interface Parts {
	readonly metrics: TrainMetrics;
	readonly store: LibsqlJobStore;
	readonly queue: JobQueue;
	readonly jobs: JobService;
	readonly supervisor: Supervisor;
	readonly app: Application;
}

const MAX_QUEUED = 1000;

/** Builds everything; only the job file is opened, which the caller closes. @throws UNAVAILABLE if another service has it */
export function compose(config: Config, logger: Logger, entry: EntryPoint, readers: Readers): Parts {
	mkdirSync(config.dataDir, { recursive: true });
	const metrics = createTrainMetrics();
	const store = new LibsqlJobStore(join(config.dataDir, "jobs.db"));
	const queue = new EmbeddedQueue((depth) => metrics.queueDepth.set(depth));
	const artifacts = new FolderArtifactStore(config.artifactsDir);
	const models = modelSources(config);
	const datasets = datasetsOf(config, models, readers);
	const admit = createAdmission({
		datasets,
		artifacts,
		saveDataset: (dataset) => store.saveDataset(dataset),
		models,
		maxLoraRank: config.DAK_MAX_LORA_RANK,
	});
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
		workRoot: join(config.dataDir, "work"),
		checkpointsRoot: join(config.dataDir, "checkpoints"),
		reportsRoot,
		threads: config.DAK_THREADS,
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
	});
	return { metrics, store, queue, jobs, supervisor, app };
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
