/** One of the engine's worker threads: sessions block the thread that runs them, so they never live on the one that serves. */
import { parentPort, workerData } from "node:worker_threads";
import type { DenseModule } from "@dak/shared/adapters";
import { applyDense } from "./dense.js";
import { EmbedEncoder } from "./encoder.js";
import type { EngineReply, EngineRequest, EngineSettings } from "./protocol.js";

const port = parentPort!;
const reply = (message: EngineReply, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, [...transfer]);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Set once the serving thread wants no more answers. */
let closing = false;

/** Of resident adapters that have one. */
const denseModules = new Map<number, DenseModule>();

async function add(encoder: EmbedEncoder, request: Extract<EngineRequest, { kind: "add" | "merged" }>): Promise<void> {
	const { adapter, dense } = request;
	if (request.kind === "add") encoder.add(adapter, request.layers);
	else await encoder.addMerged(adapter, request.model);
	if (dense) denseModules.set(adapter, dense);
}

async function handle(encoder: EmbedEncoder, request: EngineRequest): Promise<void> {
	if (request.kind === "close") {
		await encoder.dispose();
		port.close();
		return;
	}
	if (closing) return;
	if (request.kind === "add") return add(encoder, request);
	if (request.kind === "remove") {
		denseModules.delete(request.adapter);
		return encoder.remove(request.adapter);
	}
	try {
		if (request.kind === "merged") {
			await add(encoder, request);
			return reply({ kind: "done", call: request.call });
		}
		const vectors = await encoder.embed(request.batch);
		const own = vectors.slice();
		applyDense(own, request.batch.adapters, denseModules);
		reply({ kind: "vectors", call: request.call, vectors: own }, [own.buffer]);
	} catch (error) {
		reply({ kind: "error", call: request.call, message: textOf(error) });
	}
}

try {
	const encoder = await EmbedEncoder.create(workerData as EngineSettings);
	// One after the other, in order of arrival: an adapter that is removed after a batch was sent is still there for it.
	let last = Promise.resolve();
	port.on("message", (request: EngineRequest) => {
		closing ||= request.kind === "close";
		last = last.then(() => handle(encoder, request));
	});
	reply({ kind: "ready" });
} catch (error) {
	reply({ kind: "failed", message: textOf(error) });
}
