/** Which job runs next. */
import { type Claim, FairScheduler } from "../scheduling/index.js";
import type { JobId } from "./ids.js";

/** Runs one job; returns once the job rests in a final state or was put back. */
export type JobHandler = (jobId: JobId, signal: AbortSignal) => Promise<void>;

export interface JobQueue {
	/** Adds a job: whose it is, how urgent, and how much memory it takes. */
	add(jobId: JobId, claim?: Claim): Promise<void>;
	/** Takes a waiting job out; false if it is not waiting. */
	remove(jobId: JobId): Promise<boolean>;
	/** Jobs that wait. */
	depth(): Promise<number>;
	/** Starts handing out jobs, at most `concurrency` at a time. */
	start(handler: JobHandler, concurrency: number): void;
	/** Hands out no more, aborts what runs, and waits for it. */
	close(): Promise<void>;
}

export interface EmbeddedQueueOptions {
	/** Hears how many jobs wait, whenever that changes. */
	readonly onDepth?: (waiting: number) => void;
	/** What running jobs may hold together by their claims. */
	readonly budgetBytes?: number;
}

const NO_CLAIM: Claim = { user: "", priority: "normal", bytes: 0 };

/** In this process' memory, in the scheduler's order: the store says at start what waits. */
export class EmbeddedQueue implements JobQueue {
	readonly #scheduler: FairScheduler<JobId>;
	readonly #running = new Set<Promise<void>>();
	readonly #abort = new AbortController();
	readonly #budgetBytes: number;
	readonly #onDepth: (waiting: number) => void;
	#handler: JobHandler | undefined;

	constructor({ onDepth = () => {}, budgetBytes = Number.POSITIVE_INFINITY }: EmbeddedQueueOptions = {}) {
		this.#onDepth = onDepth;
		this.#budgetBytes = budgetBytes;
		this.#scheduler = new FairScheduler({ maxJobs: 1, budgetBytes });
	}

	/** What running jobs other than `but` hold by their claims. */
	heldBytes(but: JobId): number {
		return this.#scheduler.heldBytes - this.#scheduler.heldBy(but);
	}

	/** A job that waits already stays where it is. A claim over the budget waits until it can run alone: whether it fits at all is found when its turn comes. */
	async add(jobId: JobId, claim = NO_CLAIM): Promise<void> {
		if (this.#scheduler.waits(jobId)) return;
		this.#scheduler.add(jobId, { ...claim, bytes: Math.min(claim.bytes, this.#budgetBytes) });
		this.#onDepth(this.#scheduler.waiting);
		this.#next();
	}

	async remove(jobId: JobId): Promise<boolean> {
		const removed = this.#scheduler.remove(jobId);
		this.#onDepth(this.#scheduler.waiting);
		// What it stood in the way of may start now.
		this.#next();
		return removed;
	}

	async depth(): Promise<number> {
		return this.#scheduler.waiting;
	}

	start(handler: JobHandler, concurrency: number): void {
		this.#handler = handler;
		this.#scheduler.setMaxJobs(concurrency);
		this.#next();
	}

	async close(): Promise<void> {
		this.#abort.abort();
		await Promise.allSettled(this.#running);
	}

	#next(): void {
		while (this.#handler && !this.#abort.signal.aborted) {
			const jobId = this.#scheduler.next();
			if (jobId === undefined) return;
			this.#run(jobId, this.#handler);
			this.#onDepth(this.#scheduler.waiting);
		}
	}

	#run(jobId: JobId, handler: JobHandler): void {
		const run = handler(jobId, this.#abort.signal).finally(() => {
			this.#running.delete(run);
			this.#scheduler.finished(jobId);
			this.#next();
		});
		this.#running.add(run);
		// The handler reports its own failures; a rejection here must not end the service.
		run.catch(() => {});
	}
}
