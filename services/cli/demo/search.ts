/** Search with and without the adapter: over the demo's own catalogue through /embed alone, as an application would see it. */
import type { DakClient } from "@dak/shared/client";
import { type Interval, meanOf, nearest, pairedBootstrap, retrievalScores, rowOf, type Vectors } from "@dak/shared/evaluation";
import { vectorsOf } from "../vectors.js";
import type { OwnCorpus } from "./data.js";

/** A found text; `right` says whether it answers, where labels tell. */
export interface Found {
	readonly text: string;
	readonly right?: boolean;
}

export interface Example {
	readonly text: string;
	/** Nearest texts without and with the adapter. */
	readonly before: readonly Found[];
	readonly after: readonly Found[];
}

export interface SearchResult {
	readonly queries: number;
	/** MRR@10. */
	readonly before: number;
	readonly after: number;
	readonly interval: Interval;
	readonly examples: readonly Example[];
}

const EXAMPLES = 4;
const SHOWN = 2;

/** Reciprocal ranks of the held-out queries over the catalogue, for base and adapter. */
export async function compareSearch(dak: DakClient, adapter: string, { pairs, catalogue }: OwnCorpus): Promise<SearchResult> {
	const rows = new Map(catalogue.map((text, i) => [text, i]));
	const relevant = pairs.map((pair) => new Set(pair.relevant.flatMap((text) => rows.get(text) ?? [])));
	const queries = pairs.map(({ query }) => query);
	const model = async (name: string | undefined) => {
		const embed = async (texts: readonly string[]) => (await vectorsOf(dak, texts, { adapter: name })).vectors;
		const vectors = { queries: await embed(queries), corpus: await embed(catalogue) };
		return { ...vectors, scores: retrievalScores(vectors.queries, vectors.corpus, relevant) };
	};
	const [before, after] = [await model(undefined), await model(adapter)];
	const [from, to] = [before.scores["mrr@10"], after.scores["mrr@10"]];
	const differences = Array.from(to, (rank, i) => rank - from[i]!);
	const top = ({ queries: q, corpus }: { queries: Vectors; corpus: Vectors }, i: number): Found[] =>
		nearest(rowOf(q, i), corpus, SHOWN).map(({ index }) => ({ text: catalogue[index]!, right: relevant[i]!.has(index) }));
	return {
		queries: queries.length,
		before: meanOf(from),
		after: meanOf(to),
		interval: pairedBootstrap(differences),
		// The first few as they come: chosen ones would show what one wants to see.
		examples: queries.slice(0, EXAMPLES).map((text, i) => ({ text, before: top(before, i), after: top(after, i) })),
	};
}

/** Neighbours among the training texts, as the job's report has them: all that can be shown without labels. */
export async function reportedNeighbours(dak: DakClient, id: string): Promise<Example[]> {
	const { neighbours } = (await dak.jobs.report(id)) as { neighbours: { text: string; base: Found[]; adapted: Found[] }[] };
	const texts = (list: Found[]) => list.slice(0, SHOWN).map(({ text }) => ({ text }));
	return neighbours.slice(0, EXAMPLES).map(({ text, base, adapted }) => ({ text, before: texts(base), after: texts(adapted) }));
}

export interface Similarity {
	readonly source: string;
	readonly sentence: string;
	readonly before: number;
	readonly after: number;
}

/** One /similarity call without and with the adapter. */
export async function compareSimilarity(dak: DakClient, adapter: string, source: string, sentence: string): Promise<Similarity> {
	const ask = async (model: { adapter?: string }) => (await dak.similarity(source, [sentence], model))[0]!;
	return { source, sentence, before: await ask({}), after: await ask({ adapter }) };
}
