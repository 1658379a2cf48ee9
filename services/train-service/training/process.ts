/** A job's own process: a crash, or the kernel's out-of-memory killer, ends one job and never the service. */
import { toDakError } from "@dak/shared/errors";
import type { ChildMessage, ParentMessage, StartMessage } from "./protocol.js";
import { runJob } from "./run-job.js";

let cancelled = false;

function send(message: ChildMessage): void {
	process.send?.(message);
}

/** Ends the process once what was sent has left it. */
function finish(message?: ChildMessage): void {
	const leave = () => process.exit(0);
	if (message && process.connected) process.send?.(message, undefined, undefined, leave);
	else leave();
}

async function run(start: StartMessage): Promise<void> {
	try {
		await runJob(start, { send, cancelled: () => cancelled });
		finish();
	} catch (error) {
		const { reason, message, cause } = toDakError(error);
		if (cause !== undefined) console.error(cause);
		finish({ type: "failed", reason, message });
	}
}

process.on("message", (message: ParentMessage) => {
	if (message.type === "cancel") cancelled = true;
	else void run(message);
});
// Without its parent a training process has nobody to report to.
process.on("disconnect", () => process.exit(1));
