/** Which job runs next. */
import { type Claim, FairScheduler } from "../scheduling/index.js";
import type { JobId } from "./ids.js";
import type { JobSettings } from "./settings.js";

/** ended: it needs no more of the queue. put_back: somebody is to take it up again. */
export type JobRest = "ended" | "put_back";

/**
 * Runs one job; returns once the job rests. One that rejects is handed out again, later each time. The signal: the queue closes, or
 * the job is no longer this process' to run.
 */
export type JobHandler = (jobId: JobId, signal: AbortSignal) => Promise<JobRest>;

/** What a job asks of the queue. */
export interface JobClaim extends Claim {
	/** Where it must run; auto where anything will do. */
	readonly device?: JobSettings["device"];
	/** Times that it was put in after it had rested: each is another entry. */
	readonly round?: number;
}

export interface JobQueue {
	/** Adds a job: whose it is, how urgent, and how much memory it takes. One that waits or runs stays as it is. */
	add(jobId: JobId, claim?: JobClaim): Promise<void>;
	/** Takes a waiting job out; false if it is not waiting. */
	remove(jobId: JobId): Promise<boolean>;
	/** Jobs that wait. */
	depth(): Promise<number>;
	/** What running jobs of this process other than `but` hold by their claims. */
	heldBytes(but: JobId): number;
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
	/** Before a job whose handler rejected is handed out again, by how often it did. */
	readonly backoff?: (rejections: number) => number;
}

const NO_CLAIM: JobClaim = { user: "", priority: "normal", bytes: 0 };

/** 1 s, 2 s, 4 s … at most a minute. */
export const backoffMs = (rejections: number): number => Math.min(60_000, 1000 * 2 ** (rejections - 1));

/** In this process' memory, in the scheduler's order: the store says at start what waits. */
export class EmbeddedQueue implements JobQueue {
	readonly #scheduler: FairScheduler<JobId>;
	/** With whether it is to be added again once it rests. */
	readonly #running = new Map<JobId, { readonly claim: JobClaim; readonly ended: Promise<void>; again?: JobClaim }>();
	/** Jobs that wait for the end of their back-off. */
	readonly #delayed = new Map<JobId, NodeJS.Timeout>();
	readonly #claims = new Map<JobId, JobClaim>();
	readonly #rejections = new Map<JobId, number>();
	readonly #abort = new AbortController();
	readonly #budgetBytes: number;
	readonly #onDepth: (waiting: number) => void;
	readonly #backoff: (rejections: number) => number;
	#handler: JobHandler | undefined;

	constructor({ onDepth = () => {}, budgetBytes = Number.POSITIVE_INFINITY, backoff = backoffMs }: EmbeddedQueueOptions = {}) {
		this.#onDepth = onDepth;
		this.#budgetBytes = budgetBytes;
		this.#backoff = backoff;
		this.#scheduler = new FairScheduler({ maxJobs: 1, budgetBytes });
	}

	heldBytes(but: JobId): number {
		return this.#scheduler.heldBytes - this.#scheduler.heldBy(but);
	}

	/**
	 * A claim over the budget waits until it can run alone: whether it fits at all is found when its turn comes. A job that is put in
	 * while its last run comes to its end is added after it.
	 */
	async add(jobId: JobId, claim = NO_CLAIM): Promise<void> {
		const running = this.#running.get(jobId);
		if (running && (claim.round ?? 0) !== (running.claim.round ?? 0)) running.again = claim;
		if (running || this.#delayed.has(jobId) || this.#scheduler.waits(jobId)) return;
		this.#claims.set(jobId, claim);
		this.#scheduler.add(jobId, { ...claim, bytes: Math.min(claim.bytes, this.#budgetBytes) });
		this.#next();
		this.#tellDepth();
	}

	async remove(jobId: JobId): Promise<boolean> {
		const delayed = this.#delayed.get(jobId);
		clearTimeout(delayed);
		this.#delayed.delete(jobId);
		const removed = this.#scheduler.remove(jobId) || delayed !== undefined;
		if (removed) this.#forget(jobId);
		// What it stood in the way of may start now.
		this.#next();
		this.#tellDepth();
		return removed;
	}

	async depth(): Promise<number> {
		return this.#scheduler.waiting + this.#delayed.size;
	}

	start(handler: JobHandler, concurrency: number): void {
		this.#handler = handler;
		this.#scheduler.setMaxJobs(concurrency);
		this.#next();
		this.#tellDepth();
	}

	async close(): Promise<void> {
		this.#abort.abort();
		for (const timer of this.#delayed.values()) clearTimeout(timer);
		await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
	}

	#next(): void {
		while (this.#handler && !this.#abort.signal.aborted) {
			const jobId = this.#scheduler.next();
			if (jobId === undefined) return;
			const claim = this.#claims.get(jobId) ?? NO_CLAIM;
			this.#running.set(jobId, { claim, ended: this.#run(jobId, claim, this.#handler) });
		}
	}

	async #run(jobId: JobId, claim: JobClaim, handler: JobHandler): Promise<void> {
		// The handler reports its own failures; a rejection here must not end the service.
		const rest = await handler(jobId, this.#abort.signal).catch(() => "rejected" as const);
		const again = this.#running.get(jobId)?.again;
		this.#running.delete(jobId);
		this.#scheduler.finished(jobId);
		if (again || rest !== "rejected") this.#forget(jobId);
		if (again) void this.add(jobId, again);
		else if (rest === "put_back" && !this.#abort.signal.aborted) void this.add(jobId, claim);
		else if (rest === "rejected") this.#later(jobId, claim);
		this.#next();
		this.#tellDepth();
	}

	#later(jobId: JobId, claim: JobClaim): void {
		if (this.#abort.signal.aborted) return;
		const rejections = (this.#rejections.get(jobId) ?? 0) + 1;
		this.#rejections.set(jobId, rejections);
		const timer = setTimeout(() => {
			this.#delayed.delete(jobId);
			void this.add(jobId, claim);
		}, this.#backoff(rejections));
		this.#delayed.set(jobId, timer);
	}

	#forget(jobId: JobId): void {
		this.#claims.delete(jobId);
		this.#rejections.delete(jobId);
	}

	#tellDepth(): void {
		this.#onDepth(this.#scheduler.waiting + this.#delayed.size);
	}
}
