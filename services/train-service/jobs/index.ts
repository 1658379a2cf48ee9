export { EventHub } from "./event-hub.js";
export { type DatasetId, isJobId, type JobId, newDatasetId, newJobId, parseJobId } from "./ids.js";
export { type Admission, type Admitted, type JobList, JobService, type JobServiceOptions } from "./job-service.js";
export { LibsqlJobStore } from "./libsql-store.js";
export { EmbeddedQueue, type EmbeddedQueueOptions, type JobHandler, type JobQueue } from "./queue.js";
export {
	ADAPTER_NAME,
	checkAgainstBase,
	type JobSettings,
	jobSettingsSchema,
	NOISE_KINDS,
	type NoiseKind,
	noiseSchema,
	type Objective,
	refuseMissingFeatures,
	type TrainingSettings,
} from "./settings.js";
export { ENDED, isTerminal, NEXT, RUNNING } from "./states.js";
export type { DatasetStore, Idempotency, JobPatch, JobStore } from "./store.js";
export * from "./types.js";
