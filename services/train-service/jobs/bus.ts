/**
 * How those who work on a job hear of each other, in one process or on many nodes. A message may be lost: what it speaks of stands in
 * the store, and whoever depends on it looks there now and then.
 */
import { EventEmitter } from "node:events";
import type { JobId } from "./ids.js";
import type { Wish } from "./types.js";

export interface JobBus {
	/** Says that a job has a new event in the store. */
	notify(jobId: JobId): void;
	/** Calls back after each. Returns a function that ends it. */
	onEvent(jobId: JobId, listener: () => void): () => void;
	/** Tells who runs a job what its user wants. */
	ask(jobId: JobId, wish: Wish): void;
	/** Calls back for every job that something is wanted of. Returns a function that ends it. */
	onAsk(listener: (jobId: JobId, wish: Wish) => void): () => void;
}

/** Within one process. */
export class LocalBus implements JobBus {
	readonly #events = new EventEmitter().setMaxListeners(0);
	readonly #asks = new EventEmitter().setMaxListeners(0);

	notify(jobId: JobId): void {
		this.#events.emit(jobId);
	}

	onEvent(jobId: JobId, listener: () => void): () => void {
		this.#events.on(jobId, listener);
		return () => this.#events.off(jobId, listener);
	}

	ask(jobId: JobId, wish: Wish): void {
		this.#asks.emit("ask", jobId, wish);
	}

	onAsk(listener: (jobId: JobId, wish: Wish) => void): () => void {
		this.#asks.on("ask", listener);
		return () => this.#asks.off("ask", listener);
	}
}
