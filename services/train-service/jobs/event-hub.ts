import { EventEmitter } from "node:events";
import type { JobId } from "./ids.js";
import { isTerminal } from "./states.js";
import type { JobStore } from "./store.js";
import type { JobEvent } from "./types.js";

const PAGE = 500;

/** Hands out a job's events: those in the store, then new ones, each once and in order. */
export class EventHub {
	readonly #changes = new EventEmitter().setMaxListeners(0);

	constructor(private readonly store: JobStore) {}

	/** Says that a job has a new event in the store. */
	notify(jobId: JobId): void {
		this.#changes.emit(jobId);
	}

	/**
	 * Events from a sequence on, until the job has ended or the signal aborts. The store is the only source, and a wake-up only
	 * says "look again": nothing can be lost between replay and live, or come twice.
	 */
	async *watch(jobId: JobId, fromSequence: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
		let next = Math.max(1, fromSequence);
		while (!signal.aborted) {
			const page = this.store.events(jobId, next, PAGE);
			for (const event of page) {
				if (signal.aborted) return;
				yield event;
				next = event.sequence + 1;
			}
			if (page.length > 0) continue;
			// The last event may say that the job has ended, and somebody have resumed it since: its state decides.
			if (isTerminal(this.store.get(jobId).state)) return;
			// No turn of the event loop has passed since the store was read, so no wake-up is missed.
			await this.#changed(jobId, signal);
		}
	}

	#changed(jobId: JobId, signal: AbortSignal): Promise<void> {
		return new Promise((resolve) => {
			const done = () => {
				this.#changes.off(jobId, done);
				signal.removeEventListener("abort", done);
				resolve();
			};
			this.#changes.once(jobId, done);
			signal.addEventListener("abort", done);
		});
	}
}
