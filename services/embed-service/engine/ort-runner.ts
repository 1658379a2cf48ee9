/**
 * The ModelRunner over onnxruntime-node: packs the base, and deals batches out to worker threads. On the CPU each of them
 * runs a batch by itself on one processor: two batches side by side lose nothing to waiting for each other, which one batch
 * on two processors does at each of its hundreds of kernels.
 */
import type { Adapter } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import { type ComputeMode, DRIFT_LIMIT, prepareBase } from "@dak/shared/nn/inference";
import { chooseDevice, type Device, type WantedDevice } from "@dak/shared/runtime";
import { checkDense } from "./dense.js";
import { EngineThread } from "./engine-thread.js";
import { layerFactors } from "./factors.js";
import { Merger } from "./merger.js";
import type { BatchMessage, EngineSettings } from "./protocol.js";
import type { ModelRunner, RunnerAdapter, RunnerInput } from "./types.js";

export interface RunnerOptions {
	readonly device: WantedDevice;
	/** Threads of all batches together. */
	readonly threads: number;
	readonly compute: ComputeMode;
	/** Where the packed base is kept for the next start; undefined: it is packed each time. */
	readonly preparedDir?: string | undefined;
}

/** An adapter that lives in the workers under a number. */
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

/** Of a compiled graph's memory over its weights: 12.5 MB for 10.7 MB of all-MiniLM-L6-v2's. */
const COMPILED_OVERHEAD = 1.2;

class OrtRunner implements ModelRunner {
	#next = 1;

	constructor(
		private readonly base: BaseModel,
		private readonly threads: readonly EngineThread[],
		private readonly merger: Merger | undefined,
		private readonly deviceChoice: Device,
		readonly baseBytes: number,
		readonly compute: ComputeMode,
	) {}

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

	get lanes(): number {
		return this.threads.length;
	}

	get merges(): boolean {
		return this.merger !== undefined;
	}

	async prepare(adapter: Adapter): Promise<RunnerAdapter> {
		if (this.#dead) throw this.#dead;
		const layers = layerFactors(adapter, this.base.encoder);
		checkDense(adapter, this.dimension);
		const bytes = layers.reduce((sum, { a, b }) => sum + a.byteLength + b.byteLength, denseBytes(adapter));
		const id = this.#next++;
		for (const thread of this.threads) thread.add(id, layers, adapter.dense);
		return new ResidentAdapter(id, this.lanes * bytes, () => this.#remove(id));
	}

	async merge(adapter: Adapter): Promise<RunnerAdapter> {
		if (!this.merger) throw new DakError("RUNTIME_FAILED", `adapters cannot be merged in ${this.compute} on ${this.device}`);
		const layers = layerFactors(adapter, this.base.encoder);
		checkDense(adapter, this.dimension);
		const model = await this.merger.merge(layers);
		const id = this.#next++;
		try {
			// One after the other: the threads that do not compile go on serving.
			for (const thread of this.threads) await thread.addMerged(id, model, adapter.dense);
		} catch (error) {
			this.#remove(id);
			throw error;
		}
		const bytes = Math.round(model.byteLength * COMPILED_OVERHEAD) + denseBytes(adapter);
		return new ResidentAdapter(id, this.lanes * bytes, () => this.#remove(id));
	}

	async embed(batch: readonly RunnerInput[]): Promise<Float32Array> {
		if (this.#dead) throw this.#dead;
		if (batch.length === 0) return new Float32Array();
		const thread = this.threads.reduce((least, one) => (one.waiting < least.waiting ? one : least));
		return thread.embed(batchMessage(batch));
	}

	async close(): Promise<void> {
		await Promise.all([...this.threads.map((thread) => thread.close()), this.merger?.close()]);
	}

	get #dead(): DakError | undefined {
		return this.threads.find(({ dead }) => dead)?.dead;
	}

	#remove(adapter: number): void {
		for (const thread of this.threads) thread.remove(adapter);
	}
}

const denseBytes = ({ dense }: Adapter): number => (dense ? dense.weight.byteLength + dense.bias.byteLength : 0);

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
	const { compute } = options;
	const device = deviceFor(options);
	const { nf4, tensors: packed } = prepareBase(base, compute, options.preparedDir);
	const { encoder: config, pooling } = base;
	const lanes = device.kind === "cpu" ? options.threads : 1;
	const settings: EngineSettings = { config, pooling, device, threads: options.threads / lanes, compute, base: packed };
	const baseBytes = packed.reduce((sum, { data }) => sum + data.byteLength * (data.buffer instanceof SharedArrayBuffer ? 1 : lanes), 0);
	const starting = Array.from({ length: lanes }, () => EngineThread.start(settings));
	const merger = compute === "fp32" ? undefined : new Merger({ config, compute, nf4, base: packed });
	try {
		return new OrtRunner(base, await Promise.all(starting), merger, device, baseBytes, compute);
	} catch (error) {
		for (const started of await Promise.allSettled(starting)) if (started.status === "fulfilled") await started.value.close();
		throw error;
	}
}
