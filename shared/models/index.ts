export { linearLayers, openBaseModel } from "./open.js";
export { type ResolveOptions, resolveModel } from "./resolve.js";
export type * from "./types.js";
