export { type Drift, driftOf } from "./drift.js";
export { type EvaluationInput, type EvaluationReport, evaluateAdaptation, type LabelledReport, type ModelVectors } from "./evaluate.js";
export { type EvaluationPlan, type GroupName, type Labels, type PlanOptions, planEvaluation } from "./plan.js";
export type { ReportVerdict } from "./summary.js";
