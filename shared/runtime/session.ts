/** Inference sessions, which also run training steps: forward, backward and loss are one graph. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { DakError } from "../errors/index.js";
import type { Device } from "./device.js";
import { optOutOfTelemetry } from "./telemetry.js";

export { Tensor };
export type Feeds = Readonly<Record<string, Tensor>>;

export interface SessionOptions {
	readonly device: Device;
	/** Threads of one run. */
	readonly threads: number;
	/**
	 * lean: buffers are given back after use (a training step's peak falls by a third to a half for about a tenth of the
	 * speed). fast: ONNX Runtime's arena keeps them.
	 */
	readonly memory: "lean" | "fast";
	/** Outputs that stay in the device's memory, to be fed to a later run; WebGPU only. Their `data` cannot be read. */
	readonly resident?: readonly string[] | undefined;
	/** Writes ONNX Runtime's profile to files with this prefix. */
	readonly profilePrefix?: string | undefined;
	/** Rewrites of ONNX Runtime that are left out, by its names. */
	readonly disabledOptimizers?: readonly string[] | undefined;
}

/**
 * Folding constants would unpack 4-bit weights at load; merging equal nodes would keep every unpacked copy alive. The
 * LayerNormalization and GELU fusions make kernels that are slower on the CPU than what they replace.
 */
const NEVER_WANTED = [
	"CommonSubexpressionElimination",
	"ConstantFolding",
	"LayerNormFusion",
	"SkipLayerNormFusion",
	"BiasSkipLayerNormFusion",
	"BiasGeluFusion",
];

function sessionOptions(options: SessionOptions): InferenceSession.SessionOptions {
	const lean = options.memory === "lean";
	return {
		executionProviders: options.device.kind === "cpu" ? ["cpu"] : [options.device.kind, "cpu"],
		intraOpNumThreads: options.threads,
		interOpNumThreads: 1,
		executionMode: "sequential",
		enableCpuMemArena: !lean,
		enableMemPattern: !lean,
		logSeverityLevel: 3,
		extra: {
			optimization: { disable_specified_optimizers: (options.disabledOptimizers ?? NEVER_WANTED).join(";") },
			session: { intra_op: { allow_spinning: options.threads > 1 ? "1" : "0" } },
		},
		...(options.resident
			? { preferredOutputLocation: Object.fromEntries(options.resident.map((name) => [name, "gpu-buffer" as const])) }
			: {}),
		...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
	};
}

/** A compiled graph. `run` blocks the calling thread: sessions belong in a worker thread or a process of their own. */
export class Session {
	#session: InferenceSession | undefined;

	private constructor(session: InferenceSession) {
		this.#session = session;
	}

	/** Compiles a model, from its bytes or its file. @throws RUNTIME_FAILED with ONNX Runtime's reason */
	static async create(model: Uint8Array | string, options: SessionOptions): Promise<Session> {
		optOutOfTelemetry();
		try {
			const settings = sessionOptions(options);
			return new Session(
				await (typeof model === "string" ? InferenceSession.create(model, settings) : InferenceSession.create(model, settings)),
			);
		} catch (cause) {
			throw new DakError("RUNTIME_FAILED", `the graph did not compile on ${options.device.kind}: ${String(cause)}`, { cause });
		}
	}

	/**
	 * Runs the graph once. Feeds are borrowed until the promise settles; on the CPU they are read in place.
	 * @param fetches names of the outputs to compute; or, by name, tensors that outputs are written into (null: a new one)
	 * @throws RUNTIME_FAILED, also after `dispose`
	 */
	async run(
		feeds: Feeds,
		fetches?: readonly string[] | Readonly<Record<string, Tensor | null>>,
	): Promise<Readonly<Record<string, Tensor>>> {
		if (!this.#session) throw new DakError("RUNTIME_FAILED", "this session was disposed");
		try {
			return await (fetches ? this.#session.run(feeds, Array.isArray(fetches) ? fetches : { ...fetches }) : this.#session.run(feeds));
		} catch (cause) {
			throw new DakError("RUNTIME_FAILED", `the graph did not run: ${String(cause)}`, { cause });
		}
	}

	/** Ends profiling and writes its file. */
	endProfiling(): void {
		this.#session?.endProfiling();
	}

	/** Frees the session's native memory. */
	async dispose(): Promise<void> {
		const session = this.#session;
		this.#session = undefined;
		await session?.release();
	}
}

export const float32 = (data: Float32Array, dims: readonly number[]): Tensor => new Tensor("float32", data, dims);
/** Halves as their bits. */
export const float16 = (data: Uint16Array, dims: readonly number[]): Tensor => new Tensor("float16", data, dims);
export const int64 = (data: BigInt64Array, dims: readonly number[]): Tensor => new Tensor("int64", data, dims);
export const int32 = (data: Int32Array, dims: readonly number[]): Tensor => new Tensor("int32", data, dims);
export const uint16 = (data: Uint16Array, dims: readonly number[]): Tensor => new Tensor("uint16", data, dims);
export const uint8 = (data: Uint8Array, dims: readonly number[]): Tensor => new Tensor("uint8", data, dims);
