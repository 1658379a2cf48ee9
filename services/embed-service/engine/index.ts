export { createRunner, type RunnerOptions } from "./ort-runner.js";
export type * from "./types.js";
