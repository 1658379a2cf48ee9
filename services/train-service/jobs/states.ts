import type { JobState } from "./types.js";

/** What each state may turn into; an empty list ends a job. */
export const NEXT: Readonly<Record<JobState, readonly JobState[]>> = {
	queued: ["preparing", "cancelled", "failed"],
	preparing: ["training", "failed", "cancelled", "interrupted"],
	training: ["evaluating", "failed", "cancelled", "interrupted"],
	evaluating: ["publishing", "failed", "cancelled", "interrupted"],
	publishing: ["succeeded", "failed", "interrupted"],
	interrupted: ["queued", "failed", "cancelled"],
	succeeded: [],
	failed: [],
	cancelled: [],
};

export const isTerminal = (state: JobState): boolean => NEXT[state].length === 0;
/** States in which a process works on the job. */
export const RUNNING: readonly JobState[] = ["preparing", "training", "evaluating", "publishing"];
