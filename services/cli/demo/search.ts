/** Search with and without the adapter, through /embed alone: what an application would see. */
import { type Interval, nearest, pairedBootstrap, retrievalScores, rowOf, unitVectors, type Vectors } from "@dak/train-service/evaluation";
import { embedAll } from "./client.js";
import type { DemoData } from "./data.js";

export interface Example {
	readonly text: string;
	/** Nearest texts, and whether each is the right one. */
	readonly before: readonly { readonly text: string; readonly right: boolean }[];
	readonly after: readonly { readonly text: string; readonly right: boolean }[];
}

export interface SearchResult {
	readonly before: number;
	readonly after: number;
	readonly interval: Interval;
	readonly examples: readonly Example[];
}

const EXAMPLES = 4;
const SHOWN = 2;

/** Reciprocal ranks of the held-out queries over the catalogue, for base and adapter. */
export async function compareSearch(url: string, adapter: string, { pairs, catalogue }: DemoData): Promise<SearchResult> {
	const rows = new Map(catalogue.map((text, i) => [text, i]));
	const relevant = pairs.map((pair) => new Set(pair.relevant.flatMap((text) => rows.get(text) ?? [])));
	const queries = pairs.map(({ query }) => query);
	const model = async (name: string | undefined) => {
		const corpusVectors = await embedAll(url, catalogue, name);
		const dimension = corpusVectors.length / catalogue.length;
		const vectors = { queries: unitVectors(await embedAll(url, queries, name), dimension), corpus: unitVectors(corpusVectors, dimension) };
		return { ...vectors, scores: retrievalScores(vectors.queries, vectors.corpus, relevant) };
	};
	const [before, after] = [await model(undefined), await model(adapter)];
	const differences = after.scores.reciprocalRanks.map((rank, i) => rank - before.scores.reciprocalRanks[i]!);
	const top = ({ queries: q, corpus }: { queries: Vectors; corpus: Vectors }, i: number) =>
		nearest(rowOf(q, i), corpus, SHOWN).map(({ index }) => ({ text: catalogue[index]!, right: relevant[i]!.has(index) }));
	return {
		before: before.scores.mrr10,
		after: after.scores.mrr10,
		interval: pairedBootstrap(differences),
		// The first few as they come: chosen ones would show what one wants to see.
		examples: queries.slice(0, EXAMPLES).map((text, i) => ({ text, before: top(before, i), after: top(after, i) })),
	};
}
