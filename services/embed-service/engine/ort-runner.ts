/** The ModelRunner over onnxruntime-node: packs the base, starts the worker thread, and talks to it. */
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import type { Adapter } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import { type ComputeMode, DRIFT_LIMIT, packBase } from "@dak/shared/nn/inference";
import { chooseDevice, type Device, startWorker, type WantedDevice } from "@dak/shared/runtime";
import { checkDense } from "./dense.js";
import { layerFactors } from "./factors.js";
import type { BatchMessage, EngineReply, EngineRequest, EngineSettings } from "./protocol.js";
import type { ModelRunner, RunnerAdapter, RunnerInput } from "./types.js";

export interface RunnerOptions {
	readonly device: WantedDevice;
	/** Threads of one batch. */
	readonly threads: number;
	readonly compute: ComputeMode;
}

interface Call {
	resolve(vectors: Float32Array): void;
	reject(error: DakError): void;
}

/** Factors that live in the worker under a number. */
class ResidentAdapter implements RunnerAdapter {
	#disposed = false;

	constructor(
		readonly id: number,
		readonly residentBytes: number,
		private readonly release: () => void,
	) {}

	get disposed(): boolean {
		return this.#disposed;
	}

	dispose(): void {
		if (this.#disposed) return;
		this.#disposed = true;
		this.release();
	}
}

class OrtRunner implements ModelRunner {
	readonly #calls = new Map<number, Call>();
	#next = 1;
	#dead: DakError | undefined;
	#exited = false;

	constructor(
		private readonly base: BaseModel,
		private readonly worker: Worker,
		private readonly deviceChoice: Device,
		readonly baseBytes: number,
		readonly compute: ComputeMode,
	) {
		worker.on("message", (message: EngineReply) => this.#receive(message));
		worker.on("error", (cause) => this.#die(new DakError("RUNTIME_FAILED", `the engine stopped: ${cause.message}`, { cause })));
		worker.on("exit", () => {
			this.#exited = true;
			this.#die(new DakError("RUNTIME_FAILED", "the engine has stopped"));
		});
	}

	get dimension(): number {
		return this.base.encoder.hiddenSize;
	}

	get driftLimit(): number {
		return DRIFT_LIMIT[this.compute];
	}

	get device(): string {
		return this.deviceChoice.kind;
	}

	get deviceReason(): string {
		return this.deviceChoice.why;
	}

	get healthy(): boolean {
		return this.#dead === undefined;
	}

	async prepare(adapter: Adapter): Promise<RunnerAdapter> {
		if (this.#dead) throw this.#dead;
		const layers = layerFactors(adapter, this.base.encoder);
		checkDense(adapter, this.dimension);
		const dense = adapter.dense && { ...adapter.dense, weight: adapter.dense.weight.slice(), bias: adapter.dense.bias.slice() };
		const buffers = [...layers.flatMap(({ a, b }) => [a, b]), ...(dense ? [dense.weight, dense.bias] : [])].map(
			({ buffer }) => buffer as ArrayBuffer,
		);
		const bytes = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
		const id = this.#next++;
		this.#send({ kind: "add", adapter: id, layers, dense }, buffers);
		return new ResidentAdapter(id, bytes, () => this.#send({ kind: "remove", adapter: id }));
	}

	embed(batch: readonly RunnerInput[]): Promise<Float32Array> {
		if (this.#dead) return Promise.reject(this.#dead);
		if (batch.length === 0) return Promise.resolve(new Float32Array());
		const message = batchMessage(batch);
		const call = this.#next++;
		return new Promise((resolve, reject) => {
			this.#calls.set(call, { resolve, reject });
			this.#send({ kind: "embed", call, batch: message }, [message.ids.buffer as ArrayBuffer]);
		});
	}

	/** Lets a batch that runs come to its end: to terminate a thread inside native code can take the process with it. */
	async close(): Promise<void> {
		this.#die(new DakError("RUNTIME_FAILED", "the engine was closed"));
		if (this.#exited) return;
		const exit = once(this.worker, "exit");
		this.#send({ kind: "close" });
		await exit;
	}

	#send(request: EngineRequest, transfer: readonly ArrayBuffer[] = []): void {
		this.worker.postMessage(request, [...transfer]);
	}

	#receive(message: EngineReply): void {
		if (message.kind !== "vectors" && message.kind !== "error") return;
		const call = this.#calls.get(message.call);
		this.#calls.delete(message.call);
		if (message.kind === "vectors") call?.resolve(message.vectors);
		else call?.reject(new DakError("RUNTIME_FAILED", message.message));
	}

	#die(error: DakError): void {
		this.#dead ??= error;
		for (const call of this.#calls.values()) call.reject(this.#dead);
		this.#calls.clear();
	}
}

function batchMessage(batch: readonly RunnerInput[]): BatchMessage {
	const lengths = batch.map(({ ids }) => ids.length);
	const ids = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
	let start = 0;
	for (const input of batch) {
		ids.set(input.ids, start);
		start += input.ids.length;
	}
	const adapters = batch.map(({ adapter }) => {
		if (adapter === undefined) return 0;
		if (!(adapter instanceof ResidentAdapter)) throw new Error("an adapter of another runner");
		if (adapter.disposed) throw new DakError("RUNTIME_FAILED", "the adapter was disposed while a request needed it");
		return adapter.id;
	});
	return { ids, lengths, adapters };
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

/** 8-bit products have kernels for the CPU alone. @throws INVALID_REQUEST */
function deviceFor({ device, compute }: RunnerOptions): Device {
	if (compute === "fp32") return chooseDevice(device);
	if (device === "auto") return { kind: "cpu", why: `${compute} products run on the CPU` };
	if (device === "cpu") return chooseDevice(device);
	throw new DakError(
		"INVALID_REQUEST",
		`compute: found ${compute} with device ${device}, allowed there: fp32 (${compute} runs on auto, cpu)`,
	);
}

/**
 * Starts the engine over a base model. Reads `base.weights`, and needs them no longer once it is there.
 * @throws INVALID_REQUEST for a device that cannot run, RUNTIME_FAILED, INVALID_MODEL
 */
export async function createRunner(base: BaseModel, options: RunnerOptions): Promise<ModelRunner> {
	const { compute, threads } = options;
	const device = deviceFor(options);
	const packed = packBase(base, compute);
	const settings: EngineSettings = { config: base.encoder, pooling: base.pooling, device, threads, compute, base: packed };
	const buffers = [...new Set(packed.map(({ data }) => data.buffer as ArrayBuffer))];
	const baseBytes = packed.reduce((sum, { data }) => sum + data.byteLength, 0);
	const worker = startWorker(import.meta.url, "worker", { workerData: settings, transferList: buffers });
	try {
		await ready(worker);
	} catch (error) {
		await worker.terminate();
		throw error;
	}
	return new OrtRunner(base, worker, device, baseBytes, compute);
}
