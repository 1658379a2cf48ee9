export { writeDense } from "./dense.js";
export { FolderArtifactStore } from "./folder-store.js";
export { jailedPath } from "./jailed-path.js";
export { manifestSchema } from "./manifest.js";
export { type Artifacts, openArtifacts } from "./open-store.js";
export {
	type BaseShape,
	CONFIG_FILE,
	checkAdapterFits,
	MANIFEST_FILE,
	type ReadAdapterOptions,
	readAdapter,
	readManifest,
	WEIGHTS_FILE,
} from "./read.js";
export { ADAPTER_NAME, type ArtifactStore, type PublishedAdapter } from "./store.js";
export type * from "./types.js";
export { sentenceTransformersFiles, TOOL_VERSION, targetModules, type WriteAdapterOptions, writeAdapterFolder } from "./write.js";
