/** Which settings would fit in place of some that do not. */
import type { JobSettings } from "../jobs/index.js";
import type { FittingSettings } from "./types.js";

/** Total bytes of a job with these settings. */
export type TotalBytes = (settings: JobSettings) => number;

const SMALLEST_BATCH = 2;
const SHORTEST = 8;
/** As the job's schema has it. */
const MOST_STEPS = 256;

interface Change {
	readonly batchSize: number;
	readonly gradientAccumulation: number;
	readonly maxLength: number;
	readonly gradientCheckpointing: boolean;
}

const changed = (settings: JobSettings, change: Change): JobSettings => ({
	...settings,
	max_length: change.maxLength,
	training: {
		...settings.training,
		batch_size: change.batchSize,
		gradient_accumulation: change.gradientAccumulation,
		gradient_checkpointing: change.gradientCheckpointing,
	},
});

/** The largest whole number of [low, high] that passes; undefined where `low` does not. What fails at one number fails above it. */
export function largest(low: number, high: number, passes: (n: number) => boolean): number | undefined {
	if (high < low || !passes(low)) return undefined;
	let [good, bad] = [low, high + 1];
	while (bad - good > 1) {
		const middle = (good + bad) >> 1;
		if (passes(middle)) good = middle;
		else bad = middle;
	}
	return good;
}

/**
 * Nearest first: the same with gradient checkpointing; the largest batch that fits, with steps accumulated to keep the effective
 * batch; the longest texts that fit with the batch as it is. Where only checkpointing makes room, the latter two have it too.
 */
export function whatWouldFit(settings: JobSettings, availableBytes: number, totalBytes: TotalBytes): FittingSettings[] {
	const { batch_size, gradient_accumulation, gradient_checkpointing } = settings.training;
	const asked: Change = {
		batchSize: batch_size,
		gradientAccumulation: gradient_accumulation,
		maxLength: settings.max_length,
		gradientCheckpointing: gradient_checkpointing,
	};
	const bytes = (change: Change) => totalBytes(changed(settings, change));
	const fits = (change: Change) => bytes(change) <= availableBytes;
	const smaller = (from: Change): Change[] => {
		// Adding up gradients takes memory too.
		const withBatch = (batchSize: number): Change => {
			const gradientAccumulation = Math.min(MOST_STEPS, Math.ceil((batch_size * gradient_accumulation) / batchSize));
			return { ...from, batchSize, gradientAccumulation };
		};
		const withLength = (maxLength: number): Change => ({ ...from, maxLength });
		const batch = largest(SMALLEST_BATCH, batch_size - 1, (n) => fits(withBatch(n)));
		const length = largest(Math.min(SHORTEST, settings.max_length - 1), settings.max_length - 1, (n) => fits(withLength(n)));
		return [...(batch === undefined ? [] : [withBatch(batch)]), ...(length === undefined ? [] : [withLength(length)])];
	};
	const checkpointed = { ...asked, gradientCheckpointing: true };
	const found = [...(!gradient_checkpointing && fits(checkpointed) ? [checkpointed] : []), ...smaller(asked)];
	const offers = found.length > 0 || gradient_checkpointing ? found : smaller(checkpointed);
	return offers.map((change) => ({ ...change, totalBytes: bytes(change) }));
}
