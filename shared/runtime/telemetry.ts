/**
 * ONNX Runtime 1.29 and later report usage to their maker unless told not to: they write a device id below ~/.cache and send
 * events over the network, error messages among them. People run this on texts that are nobody else's business.
 */
import { isMainThread } from "node:worker_threads";

/**
 * Opts this process out before ONNX Runtime starts in it; ORT_DISABLE_TELEMETRY=0 in the environment keeps it. A worker's
 * `process.env` is a copy that native code does not see, so whoever starts a worker calls this first (startWorker does).
 */
export function optOutOfTelemetry(): void {
	if (isMainThread) process.env.ORT_DISABLE_TELEMETRY ??= "1";
}
