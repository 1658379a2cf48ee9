export { PreparationPool } from "./pool.js";
export type { PreparationRequest } from "./protocol.js";
