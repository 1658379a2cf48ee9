export { type Drift, driftOf } from "./drift.js";
export {
	type EvaluationInput,
	type EvaluationReport,
	evaluateAdaptation,
	fitWhitening,
	type LabelledReport,
	type ModelVectors,
	mapVectors,
	type Spread,
	spreadOf,
} from "./evaluate.js";
export { FEWEST_TEXTS_TO_FIT, type LinearMap } from "./free-baselines.js";
export { type EvaluationPlan, type GroupName, type Labels, type PlanOptions, planEvaluation } from "./plan.js";
export type { ReportVerdict } from "./summary.js";
export { denseOf, throughMap } from "./whitening.js";
