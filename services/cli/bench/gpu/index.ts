/**
 * Training on every GPU that is there, for synthetic models of several sizes, beside PyTorch with PEFT and bitsandbytes
 * where a Python is named, and the CPU. It runs unattended: a measurement that fails is written down, and the next begins.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SYNTHETIC_CONFIGS } from "@dak/shared/models";
import { type DeviceKind, entryPoint } from "@dak/shared/runtime";
import { detectGpus } from "./devices.js";
import { type MeasuredRun, runMeasured } from "./measured.js";

const OPTIONS = {
	models: { type: "string", default: Object.keys(SYNTHETIC_CONFIGS).join(",") },
	/** In place of the GPUs that are found: cuda, webgpu, cpu. */
	devices: { type: "string" },
	batch: { type: "string", default: "32" },
	length: { type: "string", default: "64" },
	rank: { type: "string", default: "16" },
	steps: { type: "string", default: "32" },
	/** Steps that are not timed: shaders are compiled in the first, and calls grow from one step to several. */
	warmup: { type: "string", default: "8" },
	threads: { type: "string", default: "2" },
	/** A Python with torch, peft, bitsandbytes and sentence-transformers. */
	python: { type: "string" },
	/** Most seconds of one measurement. */
	timeout: { type: "string", default: "1200" },
	json: { type: "boolean", default: false },
} as const;

const DEVICES: readonly DeviceKind[] = ["cuda", "webgpu", "cpu"];

function listed<T extends string>(text: string, allowed: readonly T[], option: string): T[] {
	return text.split(",").map((name) => {
		if (!(allowed as readonly string[]).includes(name)) throw new Error(`--${option}: found ${name}, allowed: ${allowed.join(", ")}`);
		return name as T;
	});
}

function row(engine: string, device: string, model: string, { result, error, deviceMb }: MeasuredRun): object {
	return { engine, device, model, ...(result ?? { error }), ...(deviceMb === undefined ? {} : { peak_device_mb: deviceMb }) };
}

/** The peer is a Python file, which no build copies. */
function peerFile(): string {
	const here = dirname(fileURLToPath(import.meta.url));
	return import.meta.url.endsWith(".ts") ? join(here, "peer.py") : join(here, "..", "..", "..", "bench", "gpu", "peer.py");
}

/** @throws for options that are not allowed; never because a measurement failed */
export async function benchGpu(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	const { batch, length, rank, steps, warmup, threads, python } = values;
	for (const name of ["batch", "length", "rank", "steps", "threads", "timeout"] as const) {
		if (!/^[1-9]\d*$/.test(values[name])) throw new Error(`--${name}: found ${values[name]}, allowed: a whole number above 0`);
	}
	if (!/^\d+$/.test(warmup)) throw new Error(`--warmup: found ${warmup}, allowed: a whole number`);
	const models = listed(values.models, Object.keys(SYNTHETIC_CONFIGS) as (keyof typeof SYNTHETIC_CONFIGS)[], "models");
	const { devices, absent } = detectGpus();
	const kinds = values.devices
		? listed(values.devices, DEVICES, "devices")
		: devices.length > 0
			? [...devices.map(({ kind }) => kind), "cpu" as const]
			: [];
	const about = { batch: Number(batch), length: Number(length), rank: Number(rank), steps: Number(steps), warmup: Number(warmup) };
	if (kinds.length === 0) {
		console.error(
			`no GPU was found: ${Object.entries(absent)
				.map(([provider, why]) => `${provider}: ${why}`)
				.join("; ")}. Nothing was measured.`,
		);
		return { devices, measured: false, absent, ...about };
	}
	const shared = Object.entries({ batch, length, rank, steps, warmup }).flatMap(([name, value]) => [`--${name}`, value]);
	const timeout = Number(values.timeout);
	const runs: object[] = [];
	for (const model of models) {
		for (const device of kinds) {
			console.error(`${model} on ${device}`);
			const { file, execArgv } = entryPoint(import.meta.url, "run-one");
			const args = [...execArgv, file, "--model", model, "--device", device, "--threads", threads, ...shared];
			runs.push(row("domain-adapter-kit", device, model, await runMeasured(process.execPath, args, timeout)));
		}
		for (const device of python ? new Set(kinds.map((kind) => (kind === "cpu" ? "cpu" : "cuda"))) : []) {
			console.error(`${model}: the peer on ${device}`);
			const { hiddenSize, layers, heads, intermediateSize, vocabSize } = SYNTHETIC_CONFIGS[model];
			const size = Object.entries({ hidden: hiddenSize, layers, heads, intermediate: intermediateSize, vocab: vocabSize });
			const args = [
				peerFile(),
				"--device",
				device,
				"--threads",
				threads,
				...shared,
				...size.flatMap(([name, value]) => [`--${name}`, `${value}`]),
			];
			runs.push(row("sentence-transformers+peft+bitsandbytes", device, model, await runMeasured(python!, args, timeout)));
		}
	}
	// A software driver, asked for by name, is no GPU.
	const gpus = new Set<unknown>(devices.map(({ kind }) => kind));
	const onGpu = runs.some((run) => "sentences_per_second" in run && "device" in run && gpus.has(run.device));
	return { devices, measured: onGpu, absent, ...about, runs };
}
