export * from "./bounded-label.js";
export * from "./gpu-monitor.js";
export * from "./logger.js";
export * from "./memory.js";
export * from "./metrics.js";
export * from "./requests.js";
export * from "./tracing.js";
