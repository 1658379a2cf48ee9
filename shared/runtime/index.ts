export * from "./device.js";
export { DeviceTensors, download } from "./device-memory.js";
export * from "./entry-point.js";
export * from "./session.js";
export * from "./worker.js";
