/**
 * Tensors in WebGPU's memory. onnxruntime-node makes none by itself, and aborts the process when one's data is asked for;
 * a session can: its outputs stay on the device, or come from it. Its only node is a Reshape, which copies any type.
 */
import { type DType, Emitter, modelBytes, valueInfo } from "../graph/index.js";
import { type Feeds, Session, type SessionOptions, type Tensor } from "./session.js";

function copyModel(tensors: Feeds): Uint8Array {
	let names = 0;
	const e = new Emitter((hint) => `${hint}_${names++}`);
	const declare = (suffix: string) =>
		Object.entries(tensors).map(([name, { type, dims }]) => valueInfo(`${name}${suffix}`, type as DType, dims));
	for (const [name, { dims }] of Object.entries(tensors)) e.node("Reshape", [name, e.int64s(dims)], { outputs: [`${name}.copy`] });
	return modelBytes("copy", e, declare(""), declare(".copy"));
}

/** Tensors on the device; they live as long as this does. */
export class DeviceTensors {
	private constructor(
		readonly tensors: Feeds,
		private readonly session: Session,
	) {}

	/** Copies tensors to the device. @throws RUNTIME_FAILED, for one where the device's memory does not suffice */
	static async upload(tensors: Feeds, options: SessionOptions): Promise<DeviceTensors> {
		const resident = Object.keys(tensors).map((name) => `${name}.copy`);
		const session = await Session.create(copyModel(tensors), { ...options, resident });
		const copies = await session.run(tensors);
		return new DeviceTensors(Object.fromEntries(Object.keys(tensors).map((name) => [name, copies[`${name}.copy`]!])), session);
	}

	async dispose(): Promise<void> {
		// The state's first tensors are given back by who replaces them.
		for (const tensor of Object.values(this.tensors)) if (tensor.location !== "none") tensor.dispose();
		await this.session.dispose();
	}
}

/** Copies tensors from the device. */
export async function download(tensors: Feeds, options: SessionOptions): Promise<Record<string, Tensor>> {
	const session = await Session.create(copyModel(tensors), options);
	try {
		const copies = await session.run(tensors);
		return Object.fromEntries(Object.keys(tensors).map((name) => [name, copies[`${name}.copy`]!]));
	} finally {
		await session.dispose();
	}
}
