export * from "./device.js";
export * from "./entry-point.js";
export * from "./session.js";
export * from "./worker.js";
