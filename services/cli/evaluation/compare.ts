/** Search under two models over the same labelled queries, as an application would see it: through embed-service alone. */
import type { DakClient } from "@dak/shared/client";
import {
	type Interval,
	pairedBootstrap,
	type RetrievalScores,
	retrievalScores,
	unitVectors,
	type Verdict,
	verdictOf,
} from "@dak/train-service/evaluation";
import type { LabelledQueries } from "./labelled-file.js";

/** `base`, or an adapter's name. */
export type Model = string;

/** Means over all queries. */
export type Scores = Pick<RetrievalScores, "mrr10" | "hit1" | "recall10" | "ndcg10">;

export interface EvalResult {
	readonly queries: number;
	/** Texts that are searched. */
	readonly texts: number;
	readonly a: { readonly model: Model; readonly served_as: string; readonly scores: Scores };
	readonly b: { readonly model: Model; readonly served_as: string; readonly scores: Scores };
	/** Of MRR@10, b less a, paired by query; 95 % by bootstrap. */
	readonly difference: Interval;
	readonly verdict: Verdict;
}

export interface EvalOptions {
	readonly queryPrompt?: string | undefined;
	readonly textPrompt?: string | undefined;
	readonly onProgress: (model: Model, done: number, total: number) => void;
}

async function embedAll(
	dak: DakClient,
	model: Model,
	texts: readonly string[],
	promptName: string | undefined,
	onTexts: (count: number) => void,
) {
	const rows: Float32Array[] = [];
	const adapters = new Set<string>();
	const adapter = model === "base" ? undefined : model;
	for await (const batch of dak.embeddings.stream(texts, { adapter, promptName, truncate: true })) {
		for (const vector of batch.vectors) rows.push(vector);
		for (const name of batch.adapters) adapters.add(name);
		onTexts(rows.length);
	}
	const dimension = rows[0]!.length;
	const data = new Float32Array(rows.length * dimension);
	for (const [i, row] of rows.entries()) data.set(row, i * dimension);
	return { vectors: unitVectors(data, dimension), servedAs: [...adapters].join(", ") };
}

async function score(dak: DakClient, model: Model, set: SearchSet, { queryPrompt, textPrompt, onProgress }: EvalOptions) {
	const total = set.queries.length + set.texts.length;
	const queries = await embedAll(dak, model, set.queries, queryPrompt, (count) => onProgress(model, count, total));
	const texts = await embedAll(dak, model, set.texts, textPrompt, (count) => onProgress(model, set.queries.length + count, total));
	return { servedAs: texts.servedAs, ...retrievalScores(queries.vectors, texts.vectors, set.relevant) };
}

interface SearchSet {
	readonly queries: readonly string[];
	/** Each text once: all relevant ones, and the rest of the corpus. */
	readonly texts: readonly string[];
	readonly relevant: readonly ReadonlySet<number>[];
}

function searchSet({ queries, corpus }: LabelledQueries): SearchSet {
	const texts = [...new Set([...queries.flatMap(({ relevant }) => relevant), ...corpus])];
	const rows = new Map(texts.map((text, i) => [text, i]));
	return {
		queries: queries.map(({ query }) => query),
		texts,
		relevant: queries.map(({ relevant }) => new Set(relevant.map((text) => rows.get(text)!))),
	};
}

export async function compareModels(
	dak: DakClient,
	labelled: LabelledQueries,
	models: readonly [Model, Model],
	options: EvalOptions,
): Promise<EvalResult> {
	const set = searchSet(labelled);
	const [a, b] = [await score(dak, models[0], set, options), await score(dak, models[1], set, options)];
	const difference = pairedBootstrap(b.reciprocalRanks.map((rank, i) => rank - a.reciprocalRanks[i]!));
	const scores = ({ mrr10, hit1, recall10, ndcg10 }: Scores): Scores => ({ mrr10, hit1, recall10, ndcg10 });
	return {
		queries: set.queries.length,
		texts: set.texts.length,
		a: { model: models[0], served_as: a.servedAs, scores: scores(a) },
		b: { model: models[1], served_as: b.servedAs, scores: scores(b) },
		difference,
		verdict: verdictOf(difference),
	};
}
