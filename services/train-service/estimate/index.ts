export { estimateJob } from "./estimate-job.js";
export { type JobEstimator, ProcessEstimator } from "./estimator.js";
export { whatWouldFit } from "./fit.js";
export type * from "./types.js";
