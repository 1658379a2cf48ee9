export { float32ToFloat16 } from "./half.js";
export * from "./read.js";
export type * from "./types.js";
export * from "./write.js";
