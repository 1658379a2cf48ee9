/** One of the engine's worker threads: sessions block the thread that runs them, so they never live on the one that serves. */
import { parentPort, workerData } from "node:worker_threads";
import { EmbedEncoder } from "./encoder.js";
import type { EngineReply, EngineRequest, EngineSettings } from "./protocol.js";

const port = parentPort!;
const reply = (message: EngineReply, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, [...transfer]);
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Set once the serving thread wants no more answers. */
let closing = false;

async function handle(encoder: EmbedEncoder, request: EngineRequest): Promise<void> {
	if (request.kind === "close") {
		await encoder.dispose();
		port.close();
		return;
	}
	if (closing) return;
	if (request.kind === "add") return encoder.add(request.adapter, request.layers);
	if (request.kind === "remove") return encoder.remove(request.adapter);
	try {
		if (request.kind === "merged") {
			await encoder.addMerged(request.adapter, request.model);
			return reply({ kind: "done", call: request.call });
		}
		const vectors = await encoder.embed(request.batch);
		const own = vectors.slice();
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
