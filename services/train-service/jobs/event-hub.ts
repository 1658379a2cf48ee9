import type { JobBus } from "./bus.js";
import type { JobId } from "./ids.js";
import { isTerminal } from "./states.js";
import type { JobStore } from "./store.js";
import type { JobEvent } from "./types.js";

const PAGE = 500;
/** Between looks at the store without a wake-up: one that came over the network may have been lost. */
const LOOK_MS = 2000;

/** Hands out a job's events: those in the store, then new ones, each once and in order, whichever node writes them. */
export class EventHub {
	constructor(
		private readonly store: JobStore,
		private readonly bus: JobBus,
	) {}

	/**
	 * Events from a sequence on, until the job has ended or the signal aborts. The store is the only source, and a wake-up only
	 * says "look again": nothing can be lost between replay and live, or come twice.
	 */
	async *watch(jobId: JobId, fromSequence: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
		const wakeUp = new WakeUp();
		const stopListening = this.bus.onEvent(jobId, () => wakeUp.ring());
		const leave = () => wakeUp.ring();
		signal.addEventListener("abort", leave);
		try {
			let next = Math.max(1, fromSequence);
			while (!signal.aborted) {
				wakeUp.reset();
				// Read before the events: of a job that had ended by then, they are all there.
				const state = await this.store.state(jobId);
				const page = await this.store.events(jobId, next, PAGE);
				for (const event of page) {
					if (signal.aborted) return;
					yield event;
					next = event.sequence + 1;
				}
				if (page.length > 0) continue;
				// The last event may say that the job has ended, and somebody have resumed it since: its state decides.
				if (isTerminal(state)) return;
				await wakeUp.wait(LOOK_MS);
			}
		} finally {
			stopListening();
			signal.removeEventListener("abort", leave);
		}
	}
}

/** Remembers a ring that came before somebody waits for it. */
class WakeUp {
	#rung = false;
	#wake: () => void = () => {};

	ring(): void {
		this.#rung = true;
		this.#wake();
	}

	reset(): void {
		this.#rung = false;
	}

	/** Until the next ring since `reset`, or for so long. */
	wait(milliseconds: number): Promise<void> {
		if (this.#rung) return Promise.resolve();
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, milliseconds);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}
}
