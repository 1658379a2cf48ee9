/** Retrieval metrics over labelled queries. */
import { meanOf } from "./bootstrap.js";
import { nearest, rowOf, type Vectors } from "./vectors.js";

export const RETRIEVAL_METRICS = ["mrr@10", "ndcg@10", "map@10", "recall@1", "recall@10", "recall@100", "hit@1"] as const;
export type RetrievalMetric = (typeof RETRIEVAL_METRICS)[number];

/** Each metric of each query. */
export type ItemScores = Readonly<Record<RetrievalMetric, Float64Array>>;

const RANK = 10;
const DEEPEST = 100;

/**
 * Scores queries against a corpus.
 * @param relevant rows of the corpus that answer each query
 * @param self row that a query itself is, which is neither searched nor counted
 */
export function retrievalScores(
	queries: Vectors,
	corpus: Vectors,
	relevant: readonly ReadonlySet<number>[],
	self: (query: number) => number | undefined = () => undefined,
): ItemScores {
	const columns = Object.fromEntries(RETRIEVAL_METRICS.map((name) => [name, new Float64Array(queries.count)])) as ItemScores;
	for (const [i, answers] of relevant.entries()) {
		const own = self(i);
		const wanted = answers.size - (own !== undefined && answers.has(own) ? 1 : 0);
		const hits = nearest(rowOf(queries, i), corpus, DEEPEST, own).map(({ index }) => answers.has(index));
		const scores = scoreOne(hits, wanted);
		for (const name of RETRIEVAL_METRICS) columns[name][i] = scores[name];
	}
	return columns;
}

/** Means over all queries. */
export const meansOf = (scores: ItemScores): Record<RetrievalMetric, number> =>
	Object.fromEntries(RETRIEVAL_METRICS.map((name) => [name, meanOf(scores[name])])) as Record<RetrievalMetric, number>;

/** @param hits whether each found text answers, best first; @param wanted how many answer at all */
function scoreOne(hits: readonly boolean[], wanted: number): Record<RetrievalMetric, number> {
	const top = hits.slice(0, RANK);
	const within = Math.min(RANK, wanted);
	const first = top.indexOf(true);
	const found = (rank: number) => hits.slice(0, rank).filter(Boolean).length / wanted;
	return {
		"mrr@10": first < 0 ? 0 : 1 / (first + 1),
		"ndcg@10": gain(top) / gain(new Array<boolean>(within).fill(true)),
		"map@10": averagePrecision(top) / within,
		"recall@1": found(1),
		"recall@10": found(RANK),
		"recall@100": found(DEEPEST),
		"hit@1": hits[0] ? 1 : 0,
	};
}

const gain = (hits: readonly boolean[]): number => hits.reduce((sum, hit, rank) => sum + (hit ? 1 / Math.log2(rank + 2) : 0), 0);

/** Sum of the precisions at the ranks of the hits. */
function averagePrecision(hits: readonly boolean[]): number {
	let right = 0;
	return hits.reduce((sum, hit, rank) => (hit ? sum + ++right / (rank + 1) : sum), 0);
}
