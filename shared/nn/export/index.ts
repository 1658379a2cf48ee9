export { checkExport, exportOnnx } from "./export.js";
export { hasTokenTypes } from "./stack.js";
export type { ExportDtype, WeightSource } from "./weights.js";
