/** Which job runs next. */
import type { JobId } from "./ids.js";

/** Runs one job; returns once the job rests in a final state or was put back. */
export type JobHandler = (jobId: JobId, signal: AbortSignal) => Promise<void>;

export interface JobQueue {
	/** Adds a job at the end. */
	add(jobId: JobId): Promise<void>;
	/** Takes a waiting job out; false if it is not waiting. */
	remove(jobId: JobId): Promise<boolean>;
	/** Jobs that wait. */
	depth(): Promise<number>;
	/** Starts handing out jobs, `concurrency` at a time. */
	start(handler: JobHandler, concurrency: number): void;
	/** Hands out no more, aborts what runs, and waits for it. */
	close(): Promise<void>;
}

/** First come, first served, in this process' memory: the store says at start what waits. */
export class EmbeddedQueue implements JobQueue {
	readonly #waiting: JobId[] = [];
	readonly #running = new Set<Promise<void>>();
	readonly #abort = new AbortController();
	#handler: JobHandler | undefined;
	#concurrency = 1;

	/** `onDepth` hears how many jobs wait, whenever that changes. */
	constructor(private readonly onDepth: (waiting: number) => void = () => {}) {}

	async add(jobId: JobId): Promise<void> {
		this.#waiting.push(jobId);
		this.onDepth(this.#waiting.length);
		this.#next();
	}

	async remove(jobId: JobId): Promise<boolean> {
		const at = this.#waiting.indexOf(jobId);
		if (at >= 0) this.#waiting.splice(at, 1);
		this.onDepth(this.#waiting.length);
		return at >= 0;
	}

	async depth(): Promise<number> {
		return this.#waiting.length;
	}

	start(handler: JobHandler, concurrency: number): void {
		this.#handler = handler;
		this.#concurrency = concurrency;
		this.#next();
	}

	async close(): Promise<void> {
		this.#abort.abort();
		await Promise.allSettled(this.#running);
	}

	#next(): void {
		while (this.#handler && !this.#abort.signal.aborted && this.#running.size < this.#concurrency && this.#waiting.length > 0) {
			const run = this.#handler(this.#waiting.shift()!, this.#abort.signal).finally(() => {
				this.#running.delete(run);
				this.#next();
			});
			this.#running.add(run);
			this.onDepth(this.#waiting.length);
			// The handler reports its own failures; a rejection here must not end the service.
			run.catch(() => {});
		}
	}
}
