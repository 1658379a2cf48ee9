export { type Interval, pairedBootstrap, type Verdict, verdictOf } from "./bootstrap.js";
export { type Drift, driftOf } from "./drift.js";
export {
	type EvaluationInput,
	type EvaluationReport,
	evaluateAdaptation,
	type LabelledSet,
	labelledSet,
	type ModelVectors,
} from "./evaluate.js";
export { type RetrievalScores, retrievalScores } from "./retrieval.js";
export { dotOf, nearest, rowOf, unitVectors, type Vectors } from "./vectors.js";
