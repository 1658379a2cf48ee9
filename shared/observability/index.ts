export * from "./logger.js";
export * from "./memory.js";
