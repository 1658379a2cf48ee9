/** Which ONNX Runtime execution provider runs the graphs, and why. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DakError } from "../errors/index.js";

export type WantedDevice = "auto" | "cuda" | "webgpu" | "cpu";
export type DeviceKind = Exclude<WantedDevice, "auto">;

export interface Device {
	readonly kind: DeviceKind;
	/** Why this one: for the log, /info and the metrics. */
	readonly why: string;
}

/** onnxruntime-node's folder of native libraries for this platform. */
function nativeFolder(): string {
	const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
	return join(dirname(entry), "..", "bin", "napi-v6", process.platform, process.arch);
}

/** Whether CUDA's provider library and a driver's device file are there. */
function cudaState(): { readonly usable: boolean; readonly why: string } {
	if (!existsSync(join(nativeFolder(), "libonnxruntime_providers_cuda.so")))
		return { usable: false, why: "the CUDA provider's library is not installed" };
	if (!existsSync("/dev/nvidiactl")) return { usable: false, why: "there is no NVIDIA driver" };
	return { usable: true, why: "the CUDA provider and an NVIDIA driver are there" };
}

/**
 * Chooses the provider. `auto` takes CUDA where it can run, else the CPU; WebGPU runs when asked for by name only.
 * @throws INVALID_REQUEST if CUDA is asked for and cannot run
 */
export function chooseDevice(wanted: WantedDevice): Device {
	if (wanted === "cpu" || wanted === "webgpu") return { kind: wanted, why: "asked for" };
	const cuda = cudaState();
	if (cuda.usable) return { kind: "cuda", why: wanted === "cuda" ? "asked for" : cuda.why };
	if (wanted === "cuda") throw new DakError("INVALID_REQUEST", `device: found cuda, but ${cuda.why}; allowed here: auto, webgpu, cpu`);
	return { kind: "cpu", why: cuda.why };
}

/** What a job may ask for here. */
export const usableDevices = (): DeviceKind[] => [...(cudaState().usable ? (["cuda"] as const) : []), "webgpu", "cpu"];
