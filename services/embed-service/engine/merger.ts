/** The merging thread as the serving thread sees it; started when first needed. */
import type { Worker } from "node:worker_threads";
import { DakError } from "@dak/shared/errors";
import { startWorker } from "@dak/shared/runtime";
import type { LayerFactors, MergeReply, MergeRequest, MergeSettings } from "./protocol.js";

interface Call {
	resolve(model: SharedArrayBuffer): void;
	reject(error: DakError): void;
}

export class Merger {
	readonly #calls = new Map<number, Call>();
	#worker: Worker | undefined;
	#next = 1;

	constructor(private readonly settings: MergeSettings) {}

	/** The bytes of an adapter's own graph. @throws RUNTIME_FAILED */
	merge(layers: readonly LayerFactors[]): Promise<SharedArrayBuffer> {
		this.#worker ??= this.#start();
		const request: MergeRequest = { call: this.#next++, layers };
		return new Promise((resolve, reject) => {
			this.#calls.set(request.call, { resolve, reject });
			this.#worker!.postMessage(request);
		});
	}

	async close(): Promise<void> {
		await this.#worker?.terminate();
		this.#fail("the engine was closed");
	}

	#start(): Worker {
		const worker = startWorker(import.meta.url, "merge-worker", { workerData: this.settings });
		worker.on("message", (reply: MergeReply) => this.#receive(reply));
		worker.on("error", ({ message }) => this.#fail(`the merging thread stopped: ${message}`));
		worker.on("exit", () => {
			this.#worker = undefined;
			this.#fail("the merging thread has stopped");
		});
		return worker;
	}

	#receive(reply: MergeReply): void {
		const call = this.#calls.get(reply.call);
		this.#calls.delete(reply.call);
		if ("model" in reply) call?.resolve(reply.model);
		else call?.reject(new DakError("RUNTIME_FAILED", `the adapter could not be merged: ${reply.message}`));
	}

	#fail(message: string): void {
		for (const call of this.#calls.values()) call.reject(new DakError("RUNTIME_FAILED", message));
		this.#calls.clear();
	}
}
