export { EXPORTED_ARCHITECTURES, exportOnnx } from "./export.js";
export type { ExportDtype, WeightSource } from "./weights.js";
