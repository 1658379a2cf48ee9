import { join } from "node:path";
import type { JobId, Wish } from "../jobs/index.js";

/** One stay of a job outside the queue, and the ways in which it may be told to stop: the user cancels or pauses it, or the service is ending. */
export class Run {
	#cancelled = false;
	#paused = false;
	#workDirs = 0;
	readonly #stop = new AbortController();
	readonly #end = () => this.#stop.abort();

	constructor(
		readonly id: JobId,
		private readonly ending: AbortSignal,
	) {
		if (ending.aborted) this.#stop.abort();
		ending.addEventListener("abort", this.#end);
	}

	/** Whether the user wants it to stop, and go on later. */
	get paused(): boolean {
		return this.#paused;
	}

	/** Whether the user wants it to stop. */
	get cancelled(): boolean {
		return this.#cancelled;
	}

	get stopped(): AbortSignal {
		return this.#stop.signal;
	}

	/** What the user wants, from now on. */
	wish(wish: Wish): void {
		if (wish === "cancel") this.#cancelled = true;
		else this.#paused = true;
		this.#stop.abort();
	}

	onStop(stop: () => void): void {
		if (this.stopped.aborted) stop();
		else this.stopped.addEventListener("abort", stop, { once: true });
	}

	/** The work's value, or undefined as soon as it is told to stop: the work then goes on unattended. */
	unlessStopped<T>(work: Promise<T>): Promise<T | undefined> {
		return new Promise((resolve, reject) => {
			this.onStop(() => resolve(undefined));
			work.then(resolve, reject);
		});
	}

	/** A folder name that no other attempt has: one that was left behind may still be writing. */
	newWorkDir(root: string): string {
		return join(root, this.id, `${Date.now()}-${++this.#workDirs}`);
	}

	dispose(): void {
		this.ending.removeEventListener("abort", this.#end);
	}
}
