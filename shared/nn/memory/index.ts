export type { NodeCost } from "./cost.js";
export { type BatchShapes, type GraphMemory, MeasuredGraph } from "./graph-memory.js";
export { type GraphPlan, planGraph } from "./plan.js";
