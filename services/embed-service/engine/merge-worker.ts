/** The merging thread: makes adapters' own graphs beside the ones that serve, so that no batch waits for it. */
import { parentPort, workerData } from "node:worker_threads";
import { buildEmbedGraph, mergeAdapter } from "@dak/shared/nn/inference";
import type { LayerFactors, MergeReply, MergeRequest, MergeSettings } from "./protocol.js";

const { config, compute, nf4, base } = workerData as MergeSettings;
const port = parentPort!;

function merge(layers: readonly LayerFactors[]): SharedArrayBuffer {
	const factors = new Map(layers.map((layer) => [layer.path, layer]));
	const bytes = buildEmbedGraph(config, "none", compute, mergeAdapter(config, compute, nf4, base, factors));
	const shared = new SharedArrayBuffer(bytes.length);
	new Uint8Array(shared).set(bytes);
	return shared;
}

port.on("message", ({ call, layers }: MergeRequest) => {
	const reply = (message: MergeReply) => port.postMessage(message);
	try {
		reply({ call, model: merge(layers) });
	} catch (error) {
		reply({ call, message: error instanceof Error ? error.message : String(error) });
	}
});
