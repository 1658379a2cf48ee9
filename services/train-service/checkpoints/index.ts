export { CheckpointFolder, type CheckpointFolderOptions } from "./folder.js";
export { sweepCheckpoints } from "./retention.js";
export type * from "./types.js";
