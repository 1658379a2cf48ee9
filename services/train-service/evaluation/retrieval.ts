/** Retrieval metrics over labelled queries, at rank 10. */
import { nearest, rowOf, type Vectors } from "./vectors.js";

export interface RetrievalScores {
	/** Reciprocal rank of the first relevant text among ten, a query; 0 where none is. */
	readonly reciprocalRanks: readonly number[];
	readonly mrr10: number;
	readonly hit1: number;
	readonly recall10: number;
	readonly ndcg10: number;
}

const RANK = 10;

/** Scores queries against a corpus. `relevant[i]`: rows of the corpus that answer query i. */
export function retrievalScores(queries: Vectors, corpus: Vectors, relevant: readonly ReadonlySet<number>[]): RetrievalScores {
	const rows = relevant.map((answers, i) => scoreOne(nearest(rowOf(queries, i), corpus, RANK), answers));
	const mean = (of: (row: (typeof rows)[number]) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
	return {
		reciprocalRanks: rows.map((row) => row.reciprocalRank),
		mrr10: mean((row) => row.reciprocalRank),
		hit1: mean((row) => row.hit1),
		recall10: mean((row) => row.recall),
		ndcg10: mean((row) => row.ndcg),
	};
}

function scoreOne(found: readonly { readonly index: number }[], answers: ReadonlySet<number>) {
	const hits = found.map(({ index }) => answers.has(index));
	const first = hits.indexOf(true);
	const gain = (count: number, hit: (rank: number) => boolean) =>
		Array.from({ length: count }, (_, rank) => (hit(rank) ? 1 / Math.log2(rank + 2) : 0)).reduce((a, b) => a + b, 0);
	return {
		reciprocalRank: first < 0 ? 0 : 1 / (first + 1),
		hit1: hits[0] ? 1 : 0,
		recall: hits.filter(Boolean).length / answers.size,
		ndcg: gain(hits.length, (rank) => hits[rank]!) / gain(Math.min(RANK, answers.size), () => true),
	};
}
