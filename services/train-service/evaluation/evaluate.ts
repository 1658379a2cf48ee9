/** A job's report: what was measured on base and adapter, in the names of the JSON that users read. */
import { type Interval, pairedBootstrap, type Verdict, verdictOf } from "./bootstrap.js";
import { driftOf } from "./drift.js";
import { type RetrievalScores, retrievalScores } from "./retrieval.js";
import { nearest, rowOf, unitVectors, type Vectors } from "./vectors.js";

/** Labelled queries as rows of a corpus of texts. */
export interface LabelledSet {
	readonly queries: readonly string[];
	readonly corpus: readonly string[];
	readonly relevant: readonly ReadonlySet<number>[];
}

/** One model's vectors: of the labelled set where there is one, and of a sample of the training texts. */
export interface ModelVectors {
	readonly dimension: number;
	readonly sample: Float32Array;
	readonly queries?: Float32Array | undefined;
	readonly corpus?: Float32Array | undefined;
}

export interface EvaluationInput {
	readonly base: ModelVectors;
	readonly adapted: ModelVectors;
	readonly sampleTexts: readonly string[];
	readonly labelled?: LabelledSet | undefined;
}

export interface EvaluationReport {
	readonly verdict: Verdict | "unverified";
	/** The verdict in a sentence. */
	readonly summary: string;
	readonly retrieval: Record<string, unknown> | undefined;
	readonly sanity: Record<string, unknown>;
	readonly neighbours: readonly Record<string, unknown>[];
}

/** Collects queries and every text that may answer one; equal texts are one row. */
export function labelledSet(
	queries: readonly { readonly query: string; readonly relevant: readonly string[] }[],
	corpus: readonly string[],
): LabelledSet {
	const rows = new Map<string, number>();
	const row = (text: string) => {
		const known = rows.get(text);
		if (known !== undefined) return known;
		rows.set(text, rows.size);
		return rows.size - 1;
	};
	for (const text of corpus) row(text);
	const relevant = queries.map((query) => new Set(query.relevant.map(row)));
	return { queries: queries.map(({ query }) => query), corpus: [...rows.keys()], relevant };
}

const rounded = (value: number): number => Number(value.toFixed(5));
const named = ({ mrr10, hit1, recall10, ndcg10 }: RetrievalScores) => ({
	"mrr@10": rounded(mrr10),
	"hit@1": rounded(hit1),
	"recall@10": rounded(recall10),
	"ndcg@10": rounded(ndcg10),
});

function compareRetrieval({
	base,
	adapted,
	labelled,
}: EvaluationInput): { readonly values: Record<string, unknown>; readonly interval: Interval } | undefined {
	if (!labelled || !base.queries || !base.corpus || !adapted.queries || !adapted.corpus) return undefined;
	const score = (queries: Float32Array, corpus: Float32Array) =>
		retrievalScores(unitVectors(queries, base.dimension), unitVectors(corpus, base.dimension), labelled.relevant);
	const before = score(base.queries, base.corpus);
	const after = score(adapted.queries, adapted.corpus);
	const interval = pairedBootstrap(after.reciprocalRanks.map((value, i) => value - before.reciprocalRanks[i]!));
	return {
		interval,
		values: {
			metric: "mrr@10",
			queries: labelled.queries.length,
			corpus: labelled.corpus.length,
			base: named(before),
			adapted: named(after),
			gain: rounded(interval.mean),
			ci95: interval.ci95.map(rounded),
		},
	};
}

const SUMMARY: Readonly<Record<Verdict, string>> = {
	improved: "On your labelled queries the adapter finds the right text higher up than the base; the 95 % interval lies above zero.",
	no_change: "On your labelled queries base and adapter cannot be told apart; the 95 % interval includes zero.",
	regressed: "On your labelled queries the adapter finds the right text lower down than the base; the 95 % interval lies below zero.",
};
const UNVERIFIED =
	"No labelled queries were given, so nothing is said about retrieval; the checks below say only that training has not broken the model.";

/** Measures base and adapter over the same texts. Vectors are scaled to length 1 in place. */
export function evaluateAdaptation(input: EvaluationInput): EvaluationReport {
	const retrieval = compareRetrieval(input);
	const base = unitVectors(input.base.sample, input.base.dimension);
	const adapted = unitVectors(input.adapted.sample, input.adapted.dimension);
	const drift = driftOf(base, adapted);
	const verdict = retrieval ? verdictOf(retrieval.interval) : "unverified";
	return {
		verdict,
		summary: verdict === "unverified" ? UNVERIFIED : SUMMARY[verdict],
		retrieval: retrieval?.values,
		sanity: {
			texts: base.count,
			similarity_correlation: rounded(drift.similarityCorrelation),
			mean_cosine: { base: rounded(drift.meanCosine.base), adapted: rounded(drift.meanCosine.adapted) },
			collapsed: drift.collapsed,
		},
		neighbours: neighbours(input.sampleTexts, base, adapted),
	};
}

/** The nearest texts of the first few, under both models. */
function neighbours(texts: readonly string[], base: Vectors, adapted: Vectors, examples = 5, k = 3): Record<string, unknown>[] {
	const list = (vectors: Vectors, i: number) =>
		nearest(rowOf(vectors, i), vectors, k, i).map(({ index, score }) => ({ text: texts[index], cosine: rounded(score) }));
	return texts.slice(0, examples).map((text, i) => ({ text, base: list(base, i), adapted: list(adapted, i) }));
}
