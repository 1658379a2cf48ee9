/** Starts ONNX Runtime as the services do, in this thread or in a worker: `open-session.ts thread|worker`. */
import { isMainThread } from "node:worker_threads";
import { Session, startWorker } from "../index.js";

async function open(): Promise<void> {
	// No graph at all: ONNX Runtime has started by the time that it says so.
	await Session.create(new Uint8Array([1]), { device: { kind: "cpu", why: "asked for" }, threads: 1, memory: "lean" }).catch(() => {});
}

if (isMainThread && process.argv[2] === "worker") startWorker(import.meta.url, "open-session");
else await open();
