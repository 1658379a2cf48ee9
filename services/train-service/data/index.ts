export { createReaders, type DatasetSource, Datasets, type DatasetsOptions, type Readers, type SaveOptions } from "./datasets.js";
export {
	type DatasetFile,
	type DatasetFormat,
	datasetFile,
	EXTENSIONS,
	type ReadOptions,
	readFiles,
	type TextChoice,
	templateColumns,
} from "./formats/index.js";
export {
	type BaseTokenizer,
	DEFAULT_PREPARATION,
	inspectTexts,
	type Outputs,
	type PreparationOptions,
	prepareTexts,
} from "./prepare/index.js";
export { sampleTexts, type TextSample } from "./sample.js";
export { type DatasetStatistics, describeTexts } from "./statistics/index.js";
