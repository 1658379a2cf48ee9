export {
	type LayerLayout,
	type Layout,
	type LinearLayer,
	layoutOf,
	linearLayers,
	moduleName,
	moduleNames,
	plainTensors,
	positionRows,
} from "./architectures/index.js";
export type { HubSettings } from "./hub.js";
export { bringHubDataset, checkHubDataset, type HubDatasetFile, type HubDatasetOptions } from "./hub-dataset.js";
export { checkPush, pushFolder } from "./hub-push.js";
export { openBaseModel } from "./open.js";
export { type BringOptions, bringModel, checkModelCanBeBrought, pullModel } from "./pull.js";
export { listModels, type ResolveOptions, resolveModel } from "./resolve.js";
export { type ModelSources, modelSources } from "./sources.js";
export { SYNTHETIC_CONFIGS, syntheticModel } from "./synthetic.js";
export * from "./types.js";
