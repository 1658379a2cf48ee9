export { type Claim, FairScheduler, type Limits, MOST_OVERTAKING, PRIORITIES, type Priority } from "./fair-scheduler.js";
export { type DeviceMemory, memoryBudget, memoryLimit } from "./memory-limit.js";
