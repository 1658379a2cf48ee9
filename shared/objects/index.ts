export { filesOf } from "./files.js";
export type { FolderFile, SharedFolders } from "./types.js";
