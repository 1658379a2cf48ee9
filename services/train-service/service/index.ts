/** The composition root: configuration in, a running service out. */
import type { Config } from "@dak/shared/config";
import { createLogger, detached, type Logger, type Tracing, withLogFields } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import { createReaders, type Readers } from "../data/index.js";
import { type JobEstimator, ProcessEstimator } from "../estimate/index.js";
import type { JobId, JobRest, JobService } from "../jobs/index.js";
import { trainingProcess } from "../training/index.js";
import { compose, type Parts } from "./compose.js";
import { type Served, serveBoth } from "./serve.js";

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
	/** Another estimator in the real one's place. */
	readonly estimator?: JobEstimator;
	/** Threads that read datasets, shared with other services of this process: tests start many. */
	readonly readers?: Readers;
}

/** Starts the service: takes up what an earlier run left, then listens. @throws UNAVAILABLE if a port or the data folder is taken */
export async function startTrainService(config: Config, options: TrainServiceOptions = {}): Promise<RunningService> {
	const logger = options.logger ?? createLogger("train-service", config.DAK_LOG_LEVEL);
	const { entry = trainingProcess(), readers = createReaders(), estimator = new ProcessEstimator() } = options;
	const parts = await compose(config, logger, entry, readers, estimator);
	const { gpu } = parts;
	const release = async () => {
		gpu.stop();
		estimator.close();
		await parts.backend.close();
	};
	try {
		await gpu.start();
		const served = await serve(config, logger, parts);
		return {
			restPort: served.rest.port,
			grpcPort: served.grpc.port,
			close: async () => {
				const resting = parts.queue.close();
				// What the store cannot take now, the next start finds out by itself.
				parts.patience.end();
				await Promise.all([served.drain(), resting]);
				await release();
				await parts.tracing.close();
			},
		};
	} catch (error) {
		await release();
		throw error;
	}
}

async function serve(
	config: Config,
	logger: Logger,
	{ backend, supervisor, jobs, patience, queue, app, metrics, tracing }: Parts,
): Promise<Served> {
	await backend.recover(jobs, supervisor);
	const served = await serveBoth(config, app, { logger, metrics, tracing, notReady: () => backend.notReady() });
	const run = tracedRun(tracing, jobs, (id, signal) => supervisor.run(id, signal));
	const handler = async (id: JobId, signal: AbortSignal) => {
		try {
			return await detached(() => run(id, signal));
		} catch (error) {
			logger.error({ job_id: id, err: error }, "a job could not be brought to its rest; it is tried again later");
			throw error;
		}
	};
	patience.begin();
	queue.start(handler, config.DAK_TRAIN_MAX_JOBS);
	return served;
}

type RunJob = (id: JobId, signal: AbortSignal) => Promise<JobRest>;

/** A job's run as a part of the trace that it was submitted in, with its wait before it; each line of the log then names the job. */
function tracedRun(tracing: Tracing, jobs: Pick<JobService, "get">, run: RunJob): RunJob {
	return async (id, signal) => {
		const { traceparent, createdAt, startedAt, settings } = await jobs.get(id);
		const ids = { job_id: id, adapter: settings.adapter_name ?? id };
		if (startedAt === undefined) tracing.begin("queue", { parent: traceparent, startMs: createdAt, attributes: ids }).end();
		const span = tracing.begin("job", { kind: "consumer", parent: traceparent, attributes: ids });
		const rest = await span.within(() => withLogFields(ids, () => run(id, signal)));
		const { state, error } = await jobs.get(id);
		span.set({ state });
		span.end(state === "failed" ? (error ?? {}) : undefined);
		return rest;
	};
}
