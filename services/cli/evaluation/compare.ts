/** Two models over the same labels, as an application would see them: through embed-service alone. */
import type { DakClient } from "@dak/shared/client";
import {
	type Comparison,
	categorySet,
	compareRetrieval,
	compareSimilarities,
	cosinesOf,
	labelledSet,
	retrievalScores,
	rowsOf,
	type Vectors,
	type Verdict,
	verdictOfAll,
} from "@dak/shared/evaluation";
import { vectorsOf } from "../vectors.js";
import type { LabelledData } from "./labelled-file.js";

/** `base`, or an adapter's name. */
export type Model = string;

export interface EvalResult {
	readonly queries: number;
	/** Texts that are searched by the queries. */
	readonly texts: number;
	readonly a: { readonly model: Model; readonly served_as: string };
	readonly b: { readonly model: Model; readonly served_as: string };
	/** By kind of labels; in each, `base` is a and `adapted` is b. */
	readonly tasks: { readonly retrieval?: Comparison; readonly categories?: Comparison; readonly similarity?: Comparison };
	/** unverified where there are too few labels. */
	readonly verdict: Verdict | "unverified";
}

export interface EvalOptions {
	readonly queryPrompt?: string | undefined;
	readonly textPrompt?: string | undefined;
	readonly onProgress: (model: Model, done: number, total: number) => void;
}

/** Labels as rows of the texts that are embedded. */
function prepare({ queries, corpus, pairs, categories }: LabelledData) {
	const retrieval = queries.length > 0 ? labelledSet(queries, corpus) : undefined;
	const found = categories.length > 0 ? categorySet(categories) : undefined;
	const groups = {
		queries: retrieval?.queries ?? [],
		corpus: retrieval?.corpus ?? [],
		sentences1: pairs.map(({ sentence1 }) => sentence1),
		sentences2: pairs.map(({ sentence2 }) => sentence2),
		categorized: found?.texts ?? [],
	};
	return { retrieval, categories: found && found.queries.length > 0 ? found : undefined, grades: pairs.map(({ score }) => score), groups };
}

type Prepared = ReturnType<typeof prepare>;
type Group = keyof Prepared["groups"];
type View = (group: Group) => Vectors;

async function view(dak: DakClient, model: Model, { groups }: Prepared, { queryPrompt, textPrompt, onProgress }: EvalOptions) {
	const vectors = new Map<Group, Vectors>();
	const served = new Set<string>();
	const names = (Object.keys(groups) as Group[]).filter((name) => groups[name].length > 0);
	const total = names.reduce((sum, name) => sum + groups[name].length, 0);
	let done = 0;
	for (const name of names) {
		const prompt = name === "queries" ? queryPrompt : textPrompt;
		const embedded = await vectorsOf(dak, groups[name], {
			adapter: model === "base" ? undefined : model,
			promptName: prompt,
			onTexts: (count) => onProgress(model, done + count, total),
		});
		vectors.set(name, embedded.vectors);
		served.add(embedded.servedAs);
		done += groups[name].length;
	}
	return { of: ((group) => vectors.get(group)!) satisfies View, servedAs: [...served].join(", ") };
}

function compareTasks({ retrieval, categories, grades }: Prepared, a: View, b: View): EvalResult["tasks"] {
	const search = (of: View) => retrievalScores(of("queries"), of("corpus"), retrieval!.relevant, (i) => retrieval!.self[i]);
	const searchCategories = (of: View) => {
		const { queries, relevant } = categories!;
		return retrievalScores(rowsOf(of("categorized"), queries), of("categorized"), relevant, (i) => queries[i]);
	};
	const cosines = (of: View) => cosinesOf(of("sentences1"), of("sentences2"));
	return {
		...(retrieval ? { retrieval: compareRetrieval("mrr@10", search(a), search(b)) } : {}),
		...(categories ? { categories: compareRetrieval("map@10", searchCategories(a), searchCategories(b)) } : {}),
		...(grades.length > 0 ? { similarity: compareSimilarities(grades, cosines(a), cosines(b)) } : {}),
	};
}

export async function compareModels(
	dak: DakClient,
	labelled: LabelledData,
	models: readonly [Model, Model],
	options: EvalOptions,
): Promise<EvalResult> {
	const prepared = prepare(labelled);
	const [a, b] = [await view(dak, models[0], prepared, options), await view(dak, models[1], prepared, options)];
	const tasks = compareTasks(prepared, a.of, b.of);
	return {
		queries: prepared.groups.queries.length,
		texts: prepared.groups.corpus.length,
		a: { model: models[0], served_as: a.servedAs },
		b: { model: models[1], served_as: b.servedAs },
		tasks,
		verdict: verdictOfAll(Object.values(tasks)),
	};
}
