/** A worker thread of the engine as the serving thread sees it. */
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import type { DenseModule } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { startWorker } from "@dak/shared/runtime";
import type { BatchMessage, EngineReply, EngineRequest, EngineSettings, LayerFactors } from "./protocol.js";

interface Call {
	resolve(vectors: Float32Array): void;
	reject(error: DakError): void;
}

export class EngineThread {
	readonly #calls = new Map<number, Call>();
	#next = 1;
	#dead: DakError | undefined;
	#exited = false;

	private constructor(private readonly worker: Worker) {
		worker.on("message", (message: EngineReply) => this.#receive(message));
		worker.on("error", (cause) => this.#die(new DakError("RUNTIME_FAILED", `the engine stopped: ${cause.message}`, { cause })));
		worker.on("exit", () => {
			this.#exited = true;
			this.#die(new DakError("RUNTIME_FAILED", "the engine has stopped"));
		});
	}

	/** Starts a thread, and waits until it has compiled the base's graph. @throws RUNTIME_FAILED */
	static async start(settings: EngineSettings): Promise<EngineThread> {
		const worker = startWorker(import.meta.url, "worker", { workerData: settings });
		try {
			await ready(worker);
		} catch (error) {
			await worker.terminate();
			throw error;
		}
		return new EngineThread(worker);
	}

	/** Why it cannot be used any more. */
	get dead(): DakError | undefined {
		return this.#dead;
	}

	/** What it has not answered yet. */
	get waiting(): number {
		return this.#calls.size;
	}

	add(adapter: number, layers: readonly LayerFactors[], dense: DenseModule | undefined): void {
		this.#send({ kind: "add", adapter, layers, dense });
	}

	async addMerged(adapter: number, model: SharedArrayBuffer, dense: DenseModule | undefined): Promise<void> {
		await this.#call((call) => this.#send({ kind: "merged", call, adapter, model, dense }));
	}

	remove(adapter: number): void {
		this.#send({ kind: "remove", adapter });
	}

	embed(batch: BatchMessage): Promise<Float32Array> {
		return this.#call((call) => this.#send({ kind: "embed", call, batch }, [batch.ids.buffer as ArrayBuffer]));
	}

	/** Lets a batch that runs come to its end: to terminate a thread inside native code can take the process with it. */
	async close(): Promise<void> {
		this.#die(new DakError("RUNTIME_FAILED", "the engine was closed"));
		if (this.#exited) return;
		const exit = once(this.worker, "exit");
		this.#send({ kind: "close" });
		await exit;
	}

	#call(send: (call: number) => void): Promise<Float32Array> {
		if (this.#dead) return Promise.reject(this.#dead);
		const call = this.#next++;
		return new Promise((resolve, reject) => {
			this.#calls.set(call, { resolve, reject });
			send(call);
		});
	}

	#send(request: EngineRequest, transfer: readonly ArrayBuffer[] = []): void {
		this.worker.postMessage(request, [...transfer]);
	}

	#receive(message: EngineReply): void {
		if (message.kind === "ready" || message.kind === "failed") return;
		const call = this.#calls.get(message.call);
		this.#calls.delete(message.call);
		if (message.kind === "error") call?.reject(new DakError("RUNTIME_FAILED", message.message));
		else call?.resolve(message.kind === "vectors" ? message.vectors : new Float32Array());
	}

	#die(error: DakError): void {
		this.#dead ??= error;
		for (const call of this.#calls.values()) call.reject(this.#dead);
		this.#calls.clear();
	}
}

/** Waits until the worker has compiled its graphs. */
async function ready(worker: Worker): Promise<void> {
	const controller = new AbortController();
	const { signal } = controller;
	const ended = once(worker, "exit", { signal }).then(
		([code]) => ({ kind: "failed", message: `the engine ended with code ${code}` }) as const,
	);
	try {
		// `once` rejects by itself on the worker's "error".
		const first = await Promise.race([once(worker, "message", { signal }).then(([message]) => message as EngineReply), ended]);
		if (first.kind !== "ready") throw new Error(first.kind === "failed" ? first.message : "it did not say that it is ready");
	} catch (cause) {
		throw new DakError("RUNTIME_FAILED", `the engine did not start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
	} finally {
		ended.catch(() => {});
		controller.abort();
	}
}
