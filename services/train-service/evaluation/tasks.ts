/** What labels there are, each kind as a task that any model's vectors can be scored by. */
import {
	type Comparison,
	type Contender,
	compareRetrieval,
	compareSimilarities,
	contendRetrieval,
	contendSimilarities,
	cosinesOf,
	type ItemScores,
	type RetrievalMetric,
	retrievalScores,
	rowsOf,
	type Vectors,
} from "@dak/shared/evaluation";
import type { EvaluationPlan, GroupName } from "./plan.js";

/** One model's unit vectors by group. */
export type View = (group: GroupName) => Vectors;

export type TaskName = "retrieval" | "categories" | "similarity";

export interface Task {
	readonly name: TaskName;
	/** Counts for the report. */
	readonly facts: Readonly<Record<string, number>>;
	readonly compare: (base: View, adapted: View) => Comparison;
	/** Another model beside the base. */
	readonly contend: (base: View, other: View) => Contender;
}

/** Multiplications that one model may cost: some seconds. Beyond it fewer queries are asked; the corpus stays whole, as it makes them hard. */
const BUDGET = 3e9;
const FEWEST_QUERIES = 200;

export function tasksOf(plan: EvaluationPlan, dimension: number): Task[] {
	return [retrievalTask(plan, dimension), categoryTask(plan, dimension), similarityTask(plan)].filter((task) => task !== undefined);
}

function affordable(queries: number, corpus: number, dimension: number): number {
	return Math.min(queries, Math.max(FEWEST_QUERIES, Math.floor(BUDGET / (corpus * dimension))));
}

/** Evenly over the whole. */
const chosen = (count: number, of: number): number[] => Array.from({ length: count }, (_, i) => Math.floor((i * of) / count));

function searched(name: TaskName, facts: Task["facts"], metric: RetrievalMetric, score: (view: View) => ItemScores): Task {
	let known: { readonly view: View; readonly scores: ItemScores } | undefined;
	// The base is what each of the others is compared with.
	const ofBase = (view: View) => {
		if (known?.view !== view) known = { view, scores: score(view) };
		return known.scores;
	};
	return {
		name,
		facts,
		compare: (base, adapted) => compareRetrieval(metric, ofBase(base), score(adapted)),
		contend: (base, other) => contendRetrieval(metric, ofBase(base), score(other)),
	};
}

function retrievalTask({ retrieval }: EvaluationPlan, dimension: number): Task | undefined {
	if (!retrieval) return undefined;
	const rows = chosen(affordable(retrieval.queries.length, retrieval.corpus.length, dimension), retrieval.queries.length);
	const relevant = rows.map((row) => retrieval.relevant[row]!);
	const facts = { queries: rows.length, corpus: retrieval.corpus.length };
	return searched("retrieval", facts, "mrr@10", (view) =>
		retrievalScores(rowsOf(view("queries"), rows), view("corpus"), relevant, (i) => retrieval.self[rows[i]!]),
	);
}

function categoryTask({ categories }: EvaluationPlan, dimension: number): Task | undefined {
	if (!categories) return undefined;
	const { queries, texts, relevant } = categories;
	const at = chosen(affordable(queries.length, texts.length, dimension), queries.length);
	const rows = at.map((i) => queries[i]!);
	const answers = at.map((i) => relevant[i]!);
	const facts = { queries: rows.length, texts: texts.length, categories: new Set(relevant).size };
	return searched("categories", facts, "map@10", (view) =>
		retrievalScores(rowsOf(view("categorized"), rows), view("categorized"), answers, (i) => rows[i]),
	);
}

function similarityTask({ scores }: EvaluationPlan): Task | undefined {
	if (scores.length === 0) return undefined;
	const cosines = (view: View) => cosinesOf(view("sentences1"), view("sentences2"));
	return {
		name: "similarity",
		facts: { pairs: scores.length },
		compare: (base, adapted) => compareSimilarities(scores, cosines(base), cosines(adapted)),
		contend: (base, other) => contendSimilarities(scores, cosines(base), cosines(other)),
	};
}
