import type { JobId } from "./ids.js";
import type { Dataset, Job, JobEvent, JobEventBody, JobState } from "./types.js";

export type JobPatch = Partial<
	Pick<
		Job,
		"startedAt" | "finishedAt" | "error" | "progress" | "backoffs" | "adapterPath" | "initAdapter" | "restarts" | "crashes" | "memoryBytes"
	>
>;

export interface JobPage {
	readonly state?: JobState | undefined;
	readonly limit: number;
	/** Jobs created before this one; newest come first. */
	readonly before?: JobId | undefined;
}

/** A client's key for one request, and a hash of what was asked for. */
export interface Idempotency {
	readonly key: string;
	readonly requestHash: string;
}

/** Where jobs and their events are kept. What a call wrote outlives the process, however that ends. */
export interface JobStore {
	/** Adds a job, or returns the one that the same key made. @throws IDEMPOTENCY_CONFLICT if the key made another request */
	insert(job: Job, idempotency?: Idempotency): Job;
	/** The job that a key made. @throws IDEMPOTENCY_CONFLICT if for another request */
	findByKey(idempotency: Idempotency): Job | undefined;
	/** @throws JOB_NOT_FOUND */
	get(id: JobId): Job;
	list(page: JobPage): Job[];
	/** Changes state and writes the event, or nothing. @throws STATE_CONFLICT if the state may not follow the present one */
	transition(id: JobId, to: JobState, reason: string, patch?: JobPatch): { readonly job: Job; readonly event: JobEvent };
	/** Writes an event and the job's changed fields. @throws JOB_NOT_FOUND */
	append(id: JobId, body: JobEventBody, patch?: JobPatch): JobEvent;
	/** Events from a sequence on, in order. */
	events(id: JobId, fromSequence: number, limit: number): JobEvent[];
	close(): void;
}

/** What is known of uploaded datasets; their texts are files. */
export interface DatasetStore {
	saveDataset(dataset: Dataset): void;
	/** @throws DATASET_NOT_FOUND */
	dataset(id: string): Dataset;
}
