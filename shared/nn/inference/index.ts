export * from "./compute.js";
export * from "./embed-graph.js";
export { type MergedFactors, mergeAdapter } from "./merge.js";
export type { Nf4Linear } from "./nf4-linears.js";
export { poolStates } from "./pool.js";
export { type PreparedBase, prepareBase } from "./prepared.js";
export * from "./text-rows.js";
export * from "./tiles.js";
export { baseFeeds, type PackedTensor, packBase } from "./weights.js";
