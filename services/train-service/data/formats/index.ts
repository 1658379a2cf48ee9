export { type TextChoice, templateColumns } from "./choice.js";
export { invalidData } from "./errors.js";
export { type DatasetFile, type DatasetFormat, datasetFile, EXTENSIONS, formatByName } from "./format.js";
export type { TextLimits } from "./lines.js";
export { type ReadOptions, readFiles } from "./read.js";
