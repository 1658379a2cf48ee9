/** The estimator's own process: strangers' weights and texts are read here, and the memory goes back with it. */
import { toDakError } from "@dak/shared/errors";
import { estimateJob } from "./estimate-job.js";
import type { EstimatorAnswer, EstimatorCall } from "./estimator.js";

let last: Promise<void> = Promise.resolve();

async function answer({ id, request }: EstimatorCall): Promise<void> {
	const reply = (message: EstimatorAnswer) => process.send?.(message);
	try {
		reply({ id, estimate: await estimateJob(request) });
	} catch (error) {
		const { reason, message, fields, cause } = toDakError(error);
		if (cause !== undefined) console.error(cause);
		reply({ id, error: { reason, message, fields } });
	}
}

process.on("message", (call: EstimatorCall) => {
	// One after the other: two at once would measure each other.
	last = last.then(() => answer(call));
});
process.on("disconnect", () => process.exit(0));
