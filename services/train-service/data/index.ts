export { type DatasetSource, Datasets, type DatasetsOptions } from "./datasets.js";
export { type DatasetFile, type DatasetFormat, datasetFile, EXTENSIONS } from "./format.js";
export { type DatasetStatistics, inspectTexts, prepareDataset, prepareTexts } from "./prepare.js";
export { type ReadOptions, readTexts } from "./read.js";
export { sampleTexts, type TextSample } from "./sample.js";
