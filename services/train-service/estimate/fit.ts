/** Which settings would fit in place of some that do not. */
import type { JobSettings } from "../jobs/index.js";
import type { FittingSettings } from "./types.js";

/** Total bytes of a job with these settings. */
export type TotalBytes = (settings: JobSettings) => number;

const SMALLEST_BATCH = 2;
const SHORTEST = 8;
/** As the job's schema has it. */
const MOST_STEPS = 256;

const changed = (settings: JobSettings, batchSize: number, accumulation: number, maxLength: number): JobSettings => ({
	...settings,
	max_length: maxLength,
	training: { ...settings.training, batch_size: batchSize, gradient_accumulation: accumulation },
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
 * Nearest first: the largest batch that fits, with steps accumulated to keep the effective batch; then the longest texts that fit
 * with the batch as it is.
 */
export function whatWouldFit(settings: JobSettings, availableBytes: number, totalBytes: TotalBytes): FittingSettings[] {
	const { batch_size, gradient_accumulation } = settings.training;
	const found: FittingSettings[] = [];
	const offer = (batchSize: number, accumulation: number, maxLength: number) =>
		found.push({
			batchSize,
			gradientAccumulation: accumulation,
			maxLength,
			totalBytes: totalBytes(changed(settings, batchSize, accumulation, maxLength)),
		});
	// Adding up gradients takes memory too.
	const accumulation = (batchSize: number) => Math.min(MOST_STEPS, Math.ceil((batch_size * gradient_accumulation) / batchSize));
	const batch = largest(
		SMALLEST_BATCH,
		batch_size - 1,
		(n) => totalBytes(changed(settings, n, accumulation(n), settings.max_length)) <= availableBytes,
	);
	if (batch !== undefined) offer(batch, accumulation(batch), settings.max_length);
	const length = largest(
		Math.min(SHORTEST, settings.max_length - 1),
		settings.max_length - 1,
		(n) => totalBytes(changed(settings, batch_size, gradient_accumulation, n)) <= availableBytes,
	);
	if (length !== undefined) offer(batch_size, gradient_accumulation, length);
	return found;
}
