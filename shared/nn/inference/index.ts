export * from "./compute.js";
export * from "./embed-graph.js";
export { poolStates } from "./pool.js";
export * from "./text-rows.js";
export * from "./tiles.js";
export { type PackedTensor, packBase } from "./weights.js";
