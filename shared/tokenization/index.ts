export * from "./tokenizer.js";
export type * from "./types.js";
