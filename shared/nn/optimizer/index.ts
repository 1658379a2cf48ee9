export * from "./adamw.js";
export { DeviceSteps, type DeviceStepsOptions, type StepInput, type StepNumbers } from "./device-steps.js";
export * from "./schedule.js";
