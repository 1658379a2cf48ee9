/** Metrics and intervals: pure functions over vectors and labels, for a job's report and for `dak eval` alike. */
export { type BootstrapOptions, bootstrapMeans, type Interval, meanOf, pairedBootstrap } from "./bootstrap.js";
export {
	type Comparison,
	type Contender,
	compareRetrieval,
	compareSimilarities,
	contendRetrieval,
	contendSimilarities,
	type Gain,
	rounded,
} from "./compare.js";
export { type CategorySet, categorySet, type LabelledQuery, type LabelledSet, labelledSet, type ScoredPair } from "./labelled.js";
export { type ItemScores, meansOf, RETRIEVAL_METRICS, type RetrievalMetric, retrievalScores } from "./retrieval.js";
export { type SpearmanIntervals, spearman, spearmanIntervals } from "./spearman.js";
export { cosinesOf, dotOf, nearest, rowOf, rowsOf, unitVectors, type Vectors } from "./vectors.js";
export { FEWEST_ITEMS, type Verdict, verdictOf, verdictOfAll } from "./verdict.js";
