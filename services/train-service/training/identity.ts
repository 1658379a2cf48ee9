/** Which training a checkpoint is of. */
import { createHash } from "node:crypto";
import type { JobSettings } from "../jobs/index.js";

export interface Ingredients {
	readonly settings: JobSettings;
	readonly baseFingerprint: string;
	readonly tokenizerHash: string;
	readonly dataHash: string;
	/** Before each text. */
	readonly prompt: string;
	/** SHA-256 of the weights of the adapter that is gone on from. */
	readonly initialHash: string | undefined;
	/** Of what is trained. */
	readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

/**
 * SHA-256 over all that a step's outcome depends on, hex: two trainings with the same one go through the same states. Device and
 * threads stay out, since they change the last digits only; a job may be gone on with on another machine.
 */
export function trainingIdentity({ settings, parameters, ...rest }: Ingredients): string {
	const { dataset, text_column, adapter_name, init_adapter, evaluation, publish, output, device, checkpoint, ...decisive } = settings;
	const shapes = parameters.map(({ name, shape }) => [name, shape]);
	return createHash("sha256")
		.update(JSON.stringify({ ...rest, settings: decisive, shapes }))
		.digest("hex");
}
