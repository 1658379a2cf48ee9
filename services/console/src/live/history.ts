/** What a job's events add up to. */
import type { JobEventJson, ProgressJson } from "../api/types.js";

export interface LogLine {
	readonly time: string;
	readonly level: string;
	readonly message: string;
}

export interface Phase {
	readonly state: string;
	readonly since: string;
	readonly reason: string;
}

export interface History {
	readonly steps: readonly number[];
	readonly losses: readonly number[];
	readonly progress: ProgressJson | undefined;
	readonly phases: readonly Phase[];
	readonly log: readonly LogLine[];
}

export const NO_HISTORY: History = { steps: [], losses: [], progress: undefined, phases: [], log: [] };

/** The history with further events. */
export function withEvents(before: History, events: readonly JobEventJson[]): History {
	const steps = [...before.steps];
	const losses = [...before.losses];
	const phases = [...before.phases];
	const log = [...before.log];
	let { progress } = before;
	for (const event of events) {
		if (event.type === "progress") {
			// A job that was interrupted goes back to its last checkpoint.
			while (steps.length > 0 && steps.at(-1)! >= event.step) {
				steps.pop();
				losses.pop();
			}
			steps.push(event.step);
			losses.push(event.loss);
			progress = event;
		} else if (event.type === "state") phases.push({ state: event.to, since: event.time, reason: event.reason });
		else if (event.type === "log") log.push(event);
	}
	return { steps, losses, progress, phases, log };
}

/** An exponential mean, so that the trend shows through the noise of the batches. */
export function smoothed(values: readonly number[], weight = 0.9): number[] {
	let sum = 0;
	let total = 0;
	return values.map((value) => {
		sum = weight * sum + value;
		total = weight * total + 1;
		return sum / total;
	});
}
