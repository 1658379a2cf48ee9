import type { JobState } from "./types.js";

/** What each state may turn into. */
export const NEXT: Readonly<Record<JobState, readonly JobState[]>> = {
	queued: ["preparing", "cancelled", "failed", "paused"],
	preparing: ["training", "failed", "cancelled", "interrupted", "paused"],
	training: ["evaluating", "failed", "cancelled", "interrupted", "paused"],
	evaluating: ["publishing", "failed", "cancelled", "interrupted", "paused"],
	publishing: ["succeeded", "failed", "interrupted"],
	interrupted: ["queued", "failed", "cancelled"],
	paused: ["queued", "cancelled"],
	succeeded: [],
	// By hand only: `resume`.
	failed: ["queued"],
	cancelled: ["queued"],
};

/** States in which a job rests, until somebody resumes it. */
export const ENDED: readonly JobState[] = ["succeeded", "failed", "cancelled"];
export const isTerminal = (state: JobState): boolean => ENDED.includes(state);
/** States in which a process works on the job. */
export const RUNNING: readonly JobState[] = ["preparing", "training", "evaluating", "publishing"];
