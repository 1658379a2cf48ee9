import type { Checkpointing } from "./checkpointing.js";
import type { CurvePoint } from "./loss-curve.js";
import { NonFiniteError } from "./non-finite.js";
import { ProgressMeter } from "./progress.js";
import type { JobHooks } from "./protocol.js";
import type { Trainer } from "./trainer.js";

export interface Course {
	/** False if it was stopped before its last step; a checkpoint holds what was done. */
	readonly finished: boolean;
	readonly curve: readonly CurvePoint[];
}

/** From the newest checkpoint, or the beginning, to the last step. @throws TRAINING_FAILED if the loss is not finite, also after a back-off */
export async function train(
	trainer: Trainer,
	checkpoints: Checkpointing,
	{ send, stopping }: Pick<JobHooks, "send" | "stopping">,
): Promise<Course> {
	const meter = new ProgressMeter(trainer.totalSteps);
	checkpoints.resume();
	// Steps that a GPU has taken already are handed out before a stop: only then is its state that of the last of them.
	while (!trainer.done && !(stopping() && trainer.settled)) {
		try {
			const step = await trainer.next();
			send(meter.message(step, checkpoints.backoffs));
			checkpoints.took(step);
		} catch (error) {
			if (!(error instanceof NonFiniteError)) throw error;
			checkpoints.backOff(error);
		}
		// A turn of the event loop lets messages in.
		await new Promise((resolve) => setImmediate(resolve));
	}
	if (!trainer.done) checkpoints.keep();
	return { finished: trainer.done, curve: checkpoints.curve.points };
}
