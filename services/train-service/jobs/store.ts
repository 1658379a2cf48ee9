import type { Dataset, Job, JobEvent, JobEventBody, JobState } from "./types.js";

export type JobPatch = Partial<Pick<Job, "startedAt" | "finishedAt" | "error" | "progress" | "adapterPath" | "restarts">>;

export interface JobPage {
	readonly state?: JobState | undefined;
	readonly limit: number;
	/** Jobs created before this one; newest come first. */
	readonly before?: string | undefined;
}

/** Where jobs and their events are kept. Every call is durable when it returns. */
export interface JobStore {
	/** Adds a job, or returns the one that the same key made. @throws IDEMPOTENCY_CONFLICT if the key made another request */
	insert(job: Job, idempotency?: { readonly key: string; readonly requestHash: string }): Job;
	/** @throws JOB_NOT_FOUND */
	get(id: string): Job;
	list(page: JobPage): Job[];
	/** Changes state and writes the event, or nothing. @throws STATE_CONFLICT if the state may not follow the present one */
	transition(id: string, to: JobState, reason: string, patch?: JobPatch): { readonly job: Job; readonly event: JobEvent };
	append(id: string, body: JobEventBody, patch?: JobPatch): JobEvent;
	/** Events from a sequence on, in order. */
	events(id: string, fromSequence: number, limit: number): JobEvent[];
	saveDataset(dataset: Dataset): void;
	/** @throws DATASET_NOT_FOUND */
	dataset(id: string): Dataset;
	close(): void;
}
