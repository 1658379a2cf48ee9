import { DakError } from "@dak/shared/errors";
import type { JobId } from "./ids.js";
import { NEXT } from "./states.js";
import type { Dataset, Job, JobEvent, JobEventBody, JobState } from "./types.js";

export type JobPatch = Partial<
	Pick<
		Job,
		| "startedAt"
		| "finishedAt"
		| "error"
		| "progress"
		| "backoffs"
		| "adapterPath"
		| "initAdapter"
		| "restarts"
		| "crashes"
		| "memoryBytes"
		| "attempt"
		| "wish"
		| "round"
		| "retries"
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

/**
 * Where jobs and their events are kept. What a call wrote outlives the process, however that ends. `attempt`: writes only while the
 * job is in that attempt's hands; a process that was given up for dead, and comes back, changes nothing.
 */
export interface JobStore {
	/** Adds a job, or returns the one that the same key made. @throws IDEMPOTENCY_CONFLICT if the key made another request */
	insert(job: Job, idempotency?: Idempotency): Promise<Job>;
	/** The job that a key made. @throws IDEMPOTENCY_CONFLICT if for another request */
	findByKey(idempotency: Idempotency): Promise<Job | undefined>;
	/** @throws JOB_NOT_FOUND */
	get(id: JobId): Promise<Job>;
	/** @throws JOB_NOT_FOUND */
	state(id: JobId): Promise<JobState>;
	list(page: JobPage): Promise<Job[]>;
	/** Changes state and writes the event, or nothing. @throws STATE_CONFLICT if the state may not follow the present one, or for another attempt */
	transition(id: JobId, to: JobState, reason: string, patch?: JobPatch, attempt?: number): Promise<Transition>;
	/** Writes an event and the job's changed fields. @throws JOB_NOT_FOUND, STATE_CONFLICT for another attempt */
	append(id: JobId, body: JobEventBody, patch?: JobPatch, attempt?: number): Promise<JobEvent>;
	/** Events from a sequence on, in order. */
	events(id: JobId, fromSequence: number, limit: number): Promise<JobEvent[]>;
	close(): Promise<void>;
}

export interface Transition {
	readonly job: Job;
	readonly event: JobEvent;
}

/** The job is in another attempt's hands. */
export const superseded = (id: JobId, attempt: number): DakError =>
	new DakError("STATE_CONFLICT", `attempt ${attempt} of job ${id} was given up, and another has taken its place`);

export const mayNotFollow = (id: JobId, from: JobState, to: JobState): DakError =>
	new DakError(
		"STATE_CONFLICT",
		`job ${id} is ${from}: it cannot become ${to}; allowed: ${NEXT[from].join(", ") || "nothing, it has ended"}`,
	);

export const keyConflict = (): DakError =>
	new DakError(
		"IDEMPOTENCY_CONFLICT",
		"Idempotency-Key: found one that was used for another request; allowed: a fresh key, or the same request",
	);

export const datasetNotFound = (id: string): DakError =>
	new DakError("DATASET_NOT_FOUND", `dataset ${JSON.stringify(id.slice(0, 64))} does not exist`);

/** What is known of uploaded datasets; their texts are files. */
export interface DatasetStore {
	saveDataset(dataset: Dataset): Promise<void>;
	/** @throws DATASET_NOT_FOUND */
	dataset(id: string): Promise<Dataset>;
}
