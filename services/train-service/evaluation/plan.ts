/**
 * Which texts are measured. Everything that base and adapter have to encode is decided here, with bounds, so that a report's cost
 * does not grow with the data set: a few thousand texts beside the labels, and of those no more than LIMITS says.
 */
import { type CategorySet, categorySet, type LabelledQuery, type LabelledSet, labelledSet, type ScoredPair } from "@dak/shared/evaluation";
import { Random } from "@dak/shared/random";
import { GENERAL } from "./general/index.js";

export const LIMITS = {
	/** Training texts for drift, neighbours and the like: pairs of them grow with the square. */
	sample: 400,
	/** Of these, texts that are also measured with slips of the fingers. */
	misspelled: 200,
	/** Training texts that whitening is fitted to beside the sample. */
	fit: 1600,
	queries: 2000,
	corpus: 20_000,
	categorized: 5000,
	pairs: 5000,
} as const;

/** Labels as users give them. */
export interface Labels {
	readonly queries: readonly LabelledQuery[];
	readonly corpus: readonly string[];
	readonly pairs: readonly ScoredPair[];
	readonly categories: readonly { readonly text: string; readonly category: string }[];
}

export type GroupName =
	| "sample"
	| "misspelled"
	| "general1"
	| "general2"
	| "queries"
	| "corpus"
	| "sentences1"
	| "sentences2"
	| "categorized"
	| "fit";

export interface EvaluationPlan {
	/** Texts to encode. `misspelled` are forms of the sample's first; `fit` adds to the sample where whitening is fitted. */
	readonly groups: Readonly<Record<GroupName, readonly string[]>>;
	readonly retrieval: LabelledSet | undefined;
	readonly categories: CategorySet | undefined;
	readonly scores: readonly number[];
	/** What was left out for LIMITS, in words. */
	readonly bounded: readonly string[];
}

export interface PlanOptions {
	/** Training texts. */
	readonly texts: readonly string[];
	readonly labels?: Labels | undefined;
	/** A text with slips of the fingers. */
	readonly misspell: (text: string, row: number) => string;
}

export function planEvaluation({ texts, labels, misspell }: PlanOptions): EvaluationPlan {
	const bounded: string[] = [];
	const limit = <T>(what: "queries" | "pairs" | "categorized", items: readonly T[]): readonly T[] => {
		if (items.length > LIMITS[what]) bounded.push(`${what}: ${LIMITS[what]} of ${items.length}, chosen by chance`);
		return drawn(items, LIMITS[what]);
	};
	const queries = limit("queries", labels?.queries ?? []);
	const corpus = queries.length > 0 ? boundedCorpus(queries, labels!.corpus, bounded) : [];
	const pairs = limit("pairs", labels?.pairs ?? []);
	const categories = limit("categorized", labels?.categories ?? []);
	const retrieval = queries.length > 0 ? labelledSet(queries, corpus) : undefined;
	const categorySets = categories.length > 0 ? categorySet(categories) : undefined;
	const sample = spread(texts, LIMITS.sample);
	const taken = new Set(sample);
	return {
		groups: {
			sample,
			misspelled: sample.slice(0, LIMITS.misspelled).map(misspell),
			general1: GENERAL.map(({ sentence1 }) => sentence1),
			general2: GENERAL.map(({ sentence2 }) => sentence2),
			queries: retrieval?.queries ?? [],
			corpus: retrieval?.corpus ?? [],
			sentences1: pairs.map(({ sentence1 }) => sentence1),
			sentences2: pairs.map(({ sentence2 }) => sentence2),
			categorized: categorySets?.texts ?? [],
			fit: spread(
				texts.filter((text) => !taken.has(text)),
				LIMITS.fit,
			),
		},
		retrieval,
		categories: categorySets && categorySets.queries.length > 0 ? categorySets : undefined,
		scores: pairs.map(({ score }) => score),
		bounded,
	};
}

/** Every text that answers stays; of the others as many as there is room for. */
function boundedCorpus(queries: readonly LabelledQuery[], corpus: readonly string[], bounded: string[]): readonly string[] {
	const answers = new Set(queries.flatMap(({ relevant }) => relevant));
	const others = [...new Set(corpus)].filter((text) => !answers.has(text));
	const room = Math.max(0, LIMITS.corpus - answers.size);
	if (others.length > room) bounded.push(`corpus: ${answers.size} that answer and ${room} of ${others.length} others, chosen by chance`);
	// In the order that they were given in: it decides between equal scores.
	const kept = new Set([...answers, ...drawn(others, room)]);
	return [...new Set([...corpus, ...answers])].filter((text) => kept.has(text));
}

/** At most `count` items by chance, in their order. */
function drawn<T>(items: readonly T[], count: number): readonly T[] {
	if (items.length <= count) return items;
	const rows = Random.for(1, "evaluation").shuffle([...items.keys()]);
	return rows
		.slice(0, count)
		.sort((a, b) => a - b)
		.map((row) => items[row]!);
}

/** At most `count` items from the whole length: a sorted file's beginning is like nothing else in it. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
	if (items.length <= count) return items;
	return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}
