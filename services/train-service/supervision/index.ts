export { type Outcome, TrainingChild } from "./child.js";
export { Supervisor, type SupervisorOptions } from "./supervisor.js";
