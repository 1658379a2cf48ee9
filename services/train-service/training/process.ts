/** A job's own process: a crash, or the kernel's out-of-memory killer, ends one job and never the service. */
import { rmSync } from "node:fs";
import { toDakError } from "@dak/shared/errors";
import { createTracing } from "@dak/shared/observability";
import { Phases } from "./phases.js";
import type { ChildMessage, ParentMessage, StartMessage } from "./protocol.js";
import { runJob } from "./run-job.js";

let stopping = false;
const parent = process.ppid;

function send(message: ChildMessage): void {
	process.send?.(message);
}

/** Ends the process once what was sent has left it. */
function finish(message?: ChildMessage): void {
	const leave = () => process.exit(0);
	if (message && process.connected) process.send?.(message, undefined, undefined, leave);
	else leave();
}

/**
 * A process whose parent was killed ends as soon as it hears of it, which in mid-step is late: another may be at work on the same
 * job by then. Nothing of this one may reach the job's files any more.
 */
function endIfOrphaned(): void {
	if (process.ppid !== parent) process.exit(1);
}

async function run(start: StartMessage): Promise<void> {
	const { OTEL_EXPORTER_OTLP_ENDPOINT } = process.env;
	const tracing = createTracing("training-process", { OTEL_EXPORTER_OTLP_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT || undefined });
	const phases = new Phases(tracing, start);
	let last: ChildMessage | undefined;
	const tell = (message: ChildMessage) => {
		phases.hear(message);
		// The parent kills a process that does not end soon after its last message: its spans are sent before that.
		if (message.type === "done" || message.type === "stopped") last = message;
		else send(message);
	};
	try {
		await runJob(start, { send: tell, stopping: () => stopping, endIfOrphaned });
		await tracing.close();
		finish(last);
	} catch (error) {
		const { reason, message, cause } = toDakError(error);
		if (cause !== undefined) console.error(cause);
		phases.end(error);
		discardOutput(start);
		await tracing.close();
		finish({ type: "failed", reason, message });
	}
}

/** What is half written is of no use to anybody, and on a full disk in the way of the job's own record. */
function discardOutput({ outputDir }: StartMessage): void {
	try {
		rmSync(outputDir, { recursive: true, force: true });
	} catch {
		// The service clears away the rest.
	}
}

process.on("message", (message: ParentMessage) => {
	if (message.type === "stop") stopping = true;
	else void run(message);
});
// Without its parent a training process has nobody to report to.
process.on("disconnect", () => process.exit(1));
