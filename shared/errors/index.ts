export * from "./dak-error.js";
export * from "./zod.js";
