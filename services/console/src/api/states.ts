/** States in which a job rests; any other it is on its way in. */
const RESTING: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "paused"]);
const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);

/** Nothing will change by itself. */
export const rests = (state: string): boolean => RESTING.has(state);
/** Its stream of events is at its end. */
export const hasEnded = (state: string): boolean => ENDED.has(state);
/** It is on the machine now. */
export const runs = (state: string): boolean => !rests(state) && state !== "queued" && state !== "interrupted";
/** It can be put into the queue again. */
export const canResume = (state: string): boolean => state === "failed" || state === "cancelled" || state === "paused";
