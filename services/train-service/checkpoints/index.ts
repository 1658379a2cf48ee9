export { CheckpointFolder, type CheckpointFolderOptions } from "./folder.js";
export { CheckpointMirror } from "./mirror.js";
export { KEPT_MS, sweepCheckpoints } from "./retention.js";
export type * from "./types.js";
