export { dataSection } from "./card.js";
export { type ModelOutputs, type OutputOptions, writeModelOutputs } from "./write-outputs.js";
