import { EventEmitter } from "node:events";
import type { JobStore } from "./store.js";
import type { JobEvent } from "./types.js";

const PAGE = 500;

/** Hands out a job's events: those in the store, then new ones, each once and in order. */
export class EventHub {
	readonly #changes = new EventEmitter().setMaxListeners(0);

	constructor(private readonly store: JobStore) {}

	/** Says that a job has a new event in the store. */
	notify(jobId: string): void {
		this.#changes.emit(jobId);
	}

	/**
	 * Events from a sequence on, until `isLast` says so or the signal aborts. The store is the only source, and a wake-up
	 * only says "look again": nothing can be lost between replay and live, or come twice.
	 */
	async *watch(jobId: string, fromSequence: number, isLast: () => boolean, signal: AbortSignal): AsyncGenerator<JobEvent> {
		let next = Math.max(1, fromSequence);
		while (!signal.aborted) {
			const { promise, cancel } = this.#changed(jobId, signal);
			// Asked before reading: an event that comes later has woken the promise already.
			const last = isLast();
			const page = this.store.events(jobId, next, PAGE);
			for (const event of page) {
				if (signal.aborted) break;
				yield event;
				next = event.sequence + 1;
			}
			if (page.length === PAGE) cancel();
			else if (last) return cancel();
			else await promise;
		}
	}

	#changed(jobId: string, signal: AbortSignal): { readonly promise: Promise<void>; readonly cancel: () => void } {
		let done = () => {};
		const promise = new Promise<void>((resolve) => {
			done = () => {
				this.#changes.off(jobId, done);
				signal.removeEventListener("abort", done);
				resolve();
			};
			this.#changes.once(jobId, done);
			signal.addEventListener("abort", done);
		});
		return { promise, cancel: done };
	}
}
