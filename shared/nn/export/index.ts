export { checkExport, exportOnnx } from "./export.js";
export type { ExportDtype, WeightSource } from "./weights.js";
