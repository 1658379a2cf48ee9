export { linearLayers, openBaseModel } from "./open.js";
export { isPackaged, type PullOptions, pullModel } from "./pull.js";
export { type ResolveOptions, resolveModel } from "./resolve.js";
export type * from "./types.js";
