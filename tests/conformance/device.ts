/**
 * The device that conformance runs on: DAK_TEST_DEVICE=cpu|webgpu|cuda. The same graphs run everywhere; what may differ is
 * the order in which a provider adds numbers up, and that is all that the tolerances leave room for.
 */
import { chooseDevice, type DeviceKind, type SessionOptions, type WantedDevice } from "@dak/shared/runtime";

// CUDA's products use TF32 (10 bits of mantissa) unless told not to, and onnxruntime-node has no option for it.
process.env.NVIDIA_TF32_OVERRIDE ??= "0";

export const DEVICE = chooseDevice((process.env.DAK_TEST_DEVICE ?? "cpu") as WantedDevice);
export const ON_DEVICE: SessionOptions = { device: DEVICE, threads: 2, memory: "lean" };
/** What a device is compared with, where there is no golden value: the CPU, one thread, every rewrite of ONNX Runtime. */
export const REFERENCE: SessionOptions = { device: chooseDevice("cpu"), threads: 1, memory: "lean", disabledOptimizers: [] };

/** A Vulkan driver that computes on the processor: right, and thousands of times slower than a GPU. */
export const SOFTWARE = DEVICE.kind === "webgpu" && /swiftshader|lvp_icd/.test(process.env.VK_ICD_FILENAMES ?? "");

/** A software driver compiles each of a graph's shaders for a tenth of a second. */
export const TIMEOUT_MS = DEVICE.kind === "webgpu" ? 400_000 : 60_000;

export interface Tolerances {
	/** One op or its gradient: largest difference over the largest element. */
	readonly op: number;
	/** The loss of a whole step, relative. */
	readonly loss: number;
	/** The gradients of a whole step: largest difference over a tensor's largest element. */
	readonly gradient: number;
	/** Losses of ten steps of training, relative: differences grow from step to step. */
	readonly curve: number;
	/** Parameters after ten steps: largest difference over a tensor's largest element. */
	readonly trained: number;
	/** Elements of sentence vectors, absolute. */
	readonly vector: number;
}

const CPU: Tolerances = { op: 2e-6, loss: 1e-5, gradient: 2e-4, curve: 1e-3, trained: 1e-3, vector: 2e-5 };
const TOLERANCES: Readonly<Record<DeviceKind, Tolerances>> = {
	cpu: CPU,
	webgpu: { op: 1e-5, loss: 1e-4, gradient: 1e-3, curve: 1e-3, trained: 5e-3, vector: 1e-4 },
	cuda: { op: 1e-5, loss: 1e-4, gradient: 1e-3, curve: 1e-3, trained: 5e-3, vector: 1e-4 },
};
export const TOLERANCE: Tolerances = TOLERANCES[DEVICE.kind];

/** Largest difference over the largest element of what is wanted. */
export function gap(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
	let [difference, largest] = [0, 1e-6];
	for (let i = 0; i < wanted.length; i++) {
		difference = Math.max(difference, Math.abs(found[i]! - wanted[i]!));
		largest = Math.max(largest, Math.abs(wanted[i]!));
	}
	// NaN must not pass: Math.max keeps it, and no comparison with it holds.
	return found.length === wanted.length ? difference / largest : Number.NaN;
}
