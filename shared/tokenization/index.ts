export { hasLongMarkRun } from "./mark-runs.js";
export { loadTokenizer } from "./tokenizer.js";
export type * from "./types.js";
