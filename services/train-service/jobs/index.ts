export { ALL_LINEAR, adaptedModules } from "./adapted-modules.js";
export { type JobBus, LocalBus } from "./bus.js";
export { EventHub } from "./event-hub.js";
export { type DatasetId, isDatasetId, isJobId, type JobId, jobNotFound, newDatasetId, newJobId, parseJobId } from "./ids.js";
export { type Admission, type Admitted, type JobList, JobService, type JobServiceOptions } from "./job-service.js";
export { LibsqlJobStore } from "./libsql-store.js";
export { Patience } from "./patience.js";
export {
	backoffMs,
	EmbeddedQueue,
	type EmbeddedQueueOptions,
	type JobClaim,
	type JobHandler,
	type JobQueue,
	type JobRest,
} from "./queue.js";
export {
	ADAPTER_NAME,
	checkAgainstBase,
	type JobSettings,
	jobSettingsSchema,
	MOST_ANCHOR,
	NOISE_KINDS,
	type NoiseKind,
	noiseSchema,
	type Objective,
	refuseMissingFeatures,
	type TrainingSettings,
} from "./settings.js";
export { ENDED, isTerminal, NEXT, RUNNING } from "./states.js";
export {
	type DatasetStore,
	datasetNotFound,
	type Idempotency,
	type JobPage,
	type JobPatch,
	type JobStore,
	keyConflict,
	mayNotFollow,
	superseded,
	type Transition,
} from "./store.js";
export * from "./types.js";
