/** The thread that reads, cleans and counts: what takes minutes, or goes wrong over a stranger's file, never holds up the API. */
import { parentPort } from "node:worker_threads";
import { toDakError } from "@dak/shared/errors";
import { readFiles } from "../formats/index.js";
import { inspectTexts, prepareTexts } from "../prepare/index.js";
import type { DatasetStatistics } from "../statistics/index.js";
import type { PreparationReply, PreparationRequest } from "./protocol.js";

const port = parentPort!;

async function work(request: PreparationRequest): Promise<DatasetStatistics | undefined> {
	const texts = readFiles(request.files, request.read);
	if (request.kind === "prepare") return prepareTexts(texts, request.outputs, request.options, request.base);
	await inspectTexts(texts);
	return undefined;
}

function failure(error: unknown): PreparationReply {
	const { reason, message, fields, cause } = toDakError(error);
	const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? "");
	return { kind: "failed", reason, message, fields, cause: text };
}

port.on("message", (request: PreparationRequest) => {
	work(request)
		.then((statistics): PreparationReply => ({ kind: "done", statistics }), failure)
		.then((reply) => port.postMessage(reply));
});
