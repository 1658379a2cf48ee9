export type Scheduler = "linear" | "cosine" | "constant";

export interface ScheduleOptions {
	readonly scheduler: Scheduler;
	readonly warmupSteps: number;
	readonly totalSteps: number;
}

/**
 * Share of the full learning rate at a step, from 0: rises over the warm-up, then falls to 0 at the end (or stays).
 * @source transformers' get_linear_, get_cosine_ and get_constant_schedule_with_warmup
 */
export function learningRateFactor(step: number, { scheduler, warmupSteps, totalSteps }: ScheduleOptions): number {
	if (step < warmupSteps) return step / Math.max(1, warmupSteps);
	if (scheduler === "constant") return 1;
	const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
	return scheduler === "linear" ? Math.max(0, 1 - progress) : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}
