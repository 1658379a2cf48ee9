import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { entryPoint } from "./entry-point.js";
import { optOutOfTelemetry } from "./telemetry.js";

/**
 * Starts the module `name` beside the module with URL `from` as a worker thread. Node does not apply `--import` to worker
 * threads, so where the sources run, the worker turns on tsx itself.
 */
export function startWorker(from: string, name: string, options: Omit<WorkerOptions, "eval" | "execArgv"> = {}): Worker {
	optOutOfTelemetry();
	const { file } = entryPoint(from, name);
	if (!file.endsWith(".ts")) return new Worker(file, options);
	// Its CommonJS form looks for its own files in the wrong place.
	const tsx = createRequire(import.meta.url)
		.resolve("tsx/esm/api")
		.replace(/\.cjs$/, ".mjs");
	const [api, module] = [tsx, file].map((path) => JSON.stringify(pathToFileURL(path).href));
	const code = `import(${api}).then(({ register }) => { register(); return import(${module}); });`;
	return new Worker(code, { ...options, eval: true, execArgv: ["--conditions", "@dak/source"] });
}
