import { DakError } from "@dak/shared/errors";

/** The loss, a gradient or a parameter is no longer a number. */
export class NonFiniteError extends DakError {
	constructor(
		/** The step that could not be taken, from 1. */
		readonly step: number,
		/** What was found: `loss NaN, gradient norm 3.1`. */
		readonly found: string,
		learningRate: number,
	) {
		super("TRAINING_FAILED", `step ${step}: ${found}; try a lower training.learning_rate than ${learningRate}`);
	}
}
