/**
 * Threads for preparing datasets. Threads and not processes, because they start in a tenth of the time and what runs in them is
 * JavaScript, whose memory is bounded by a limit; not pieces of work between yields, because one CSV record or one sort is long enough
 * to be felt in every other answer. A thread is kept for the next request; one that is broken off, or runs out of memory, is not.
 */
import type { Worker } from "node:worker_threads";
import { DakError } from "@dak/shared/errors";
import { startWorker } from "@dak/shared/runtime";
import type { PreparationReply, PreparationRequest } from "./protocol.js";

/** Of a thread's JavaScript objects, MiB. */
const MAX_HEAP_MB = 2048;
/** The number of a thread that has ended. @source Node's worker_threads */
const ENDED = -1;

export class PreparationPool {
	readonly #idle: Worker[] = [];
	readonly #waiting: (() => void)[] = [];
	#running = 0;

	/**
	 * @param size requests that run at a time; others wait
	 * @param stallMs a file of which no text comes for so long is given up, and its thread with it
	 */
	constructor(
		private readonly size: number,
		private readonly stallMs = 60_000,
	) {}

	/** @throws what the thread threw; CANCELLED when the signal aborts, and then nothing of it runs any more */
	async run(request: PreparationRequest, signal?: AbortSignal): Promise<Done> {
		await this.#turn();
		try {
			if (signal?.aborted) throw broken();
			const worker =
				this.#takeIdle() ?? startWorker(import.meta.url, "thread", { resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
			const reply = await answer(worker, request, signal, this.stallMs);
			// An idle thread does not keep the service from ending.
			worker.unref();
			this.#idle.push(worker);
			return doneOf(reply);
		} finally {
			this.#running--;
			this.#waiting.shift()?.();
		}
	}

	#takeIdle(): Worker | undefined {
		for (let worker = this.#idle.pop(); worker; worker = this.#idle.pop()) if (worker.threadId !== ENDED) return worker;
		return undefined;
	}

	async #turn(): Promise<void> {
		if (this.#running >= this.size) await new Promise<void>((resolve) => this.#waiting.push(resolve));
		this.#running++;
	}
}

const broken = () => new DakError("CANCELLED", "the preparation of the texts was broken off");

/** What a request brings. */
export type Done = Extract<PreparationReply, { kind: "done" }>;
type Ended = Exclude<PreparationReply, { kind: "reading" | "read" }>;

function doneOf(reply: Ended): Done {
	if (reply.kind === "done") return reply;
	const cause = reply.cause === "" ? undefined : reply.cause;
	throw new DakError(reply.reason, reply.message, { fields: reply.fields, cause });
}

function stalled(ms: number): DakError {
	const detail = `found data of which no text came for ${ms / 1000} s; allowed: files that can be read on (is it damaged?)`;
	return new DakError("INVALID_DATASET", `/dataset: ${detail}`, { fields: [{ pointer: "/dataset", detail }] });
}

/** The thread's answer; if there is none, the thread is ended. */
async function answer(worker: Worker, request: PreparationRequest, signal: AbortSignal | undefined, stallMs: number): Promise<Ended> {
	const answered = new AbortController();
	let stall: NodeJS.Timeout | undefined;
	worker.ref();
	try {
		return await new Promise<Ended>((resolve, reject) => {
			stall = setTimeout(() => reject(stalled(stallMs)), stallMs);
			worker.on("message", (reply: PreparationReply) => {
				if (reply.kind === "reading") stall?.refresh();
				else if (reply.kind === "read") clearTimeout(stall);
				else resolve(reply);
			});
			worker.on("error", (error) => reject(fault(error as Error)));
			worker.on("exit", (code) => reject(new Error(`the preparing thread ended with code ${code}`)));
			signal?.addEventListener("abort", () => reject(broken()), { signal: answered.signal });
			worker.postMessage(request);
		});
	} catch (error) {
		await worker.terminate();
		throw error;
	} finally {
		answered.abort();
		clearTimeout(stall);
		for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
		// What goes wrong in a thread that nobody waits for must not end the service.
		worker.on("error", () => {});
	}
}

function fault(error: Error & { code?: string }): unknown {
	if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") return error;
	const detail = `found data that takes more than ${MAX_HEAP_MB} MiB of memory to read; allowed: less at once (shorter texts, smaller Parquet row groups)`;
	return new DakError("INVALID_DATASET", `/dataset: ${detail}`, { fields: [{ pointer: "/dataset", detail }], cause: error });
}
