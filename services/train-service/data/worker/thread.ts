/** The thread that reads, cleans and counts: what takes minutes, or goes wrong over a stranger's file, never holds up the API. */
import { parentPort } from "node:worker_threads";
import { toDakError } from "@dak/shared/errors";
import { readFiles } from "../formats/index.js";
import { inspectTexts, prepareTexts } from "../prepare/index.js";
import { sampleTexts } from "../sample.js";
import type { PreparationReply, PreparationRequest } from "./protocol.js";

const port = parentPort!;

type Done = Omit<Extract<PreparationReply, { kind: "done" }>, "kind">;

const SAY_MS = 1000;

/** Says that texts come: a library that runs in circles over a damaged file says nothing. */
async function* heard(texts: AsyncIterable<string>): AsyncGenerator<string> {
	let said = performance.now();
	for await (const text of texts) {
		if (performance.now() - said > SAY_MS) {
			port.postMessage({ kind: "reading" } satisfies PreparationReply);
			said = performance.now();
		}
		yield text;
	}
	port.postMessage({ kind: "read" } satisfies PreparationReply);
}

async function work(request: PreparationRequest): Promise<Done> {
	const texts = heard(readFiles(request.files, request.read));
	switch (request.kind) {
		case "prepare":
			return { statistics: await prepareTexts(texts, request.outputs, request.options, request.base) };
		case "sample":
			return { sample: await sampleTexts(texts, request.bytes, request.limit) };
		case "inspect":
			await inspectTexts(texts);
			return {};
	}
}

function failure(error: unknown): PreparationReply {
	const { reason, message, fields, cause } = toDakError(error);
	const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? "");
	return { kind: "failed", reason, message, fields, cause: text };
}

port.on("message", (request: PreparationRequest) => {
	work(request)
		.then((done): PreparationReply => ({ kind: "done", ...done }), failure)
		.then((reply) => port.postMessage(reply));
});
