export * from "./read.js";
export type * from "./types.js";
export * from "./write.js";
