/** What can be said without labels: whether training has broken something. None of it says anything about search. */
import {
	bootstrapMeans,
	type Comparison,
	type Contender,
	compareSimilarities,
	contendSimilarities,
	cosinesOf,
	meanOf,
	rounded,
	rowsOf,
	type Vectors,
} from "@dak/shared/evaluation";
import { driftOf, pairwise } from "./drift.js";
import { GENERAL, type GeneralPair, LANGUAGES, type Language } from "./general/index.js";
import { HUBNESS_NEIGHBOURS, hubness } from "./hubness.js";
import type { View } from "./tasks.js";

/** Of the general set in one language. */
interface GeneralRows {
	readonly rows: readonly number[];
	readonly grades: readonly number[];
	readonly groups: readonly number[];
}

function generalRows(language: Language): GeneralRows {
	const chosen = GENERAL.map((pair, row): [GeneralPair, number] => [pair, row]).filter(([pair]) => pair.language === language);
	return { rows: chosen.map(([, row]) => row), grades: chosen.map(([{ grade }]) => grade), groups: chosen.map(([{ group }]) => group) };
}

function byLanguage<T>(measure: (general: GeneralRows, cosines: (view: View) => Float64Array) => T): Record<Language, T> {
	const entries = LANGUAGES.map((language) => {
		const general = generalRows(language);
		const of = (view: View, side: "general1" | "general2") => rowsOf(view(side), general.rows);
		return [language, measure(general, (view) => cosinesOf(of(view, "general1"), of(view, "general2")))] as const;
	});
	return Object.fromEntries(entries) as Record<Language, T>;
}

export type General = Readonly<Record<Language, Comparison>>;

/** Similarity of general sentences: what falls here was forgotten. */
export const generalSimilarity = (base: View, adapted: View): General =>
	byLanguage(({ grades, groups }, cosines) => compareSimilarities(grades, cosines(base), cosines(adapted), groups));

/** The same of a model beside the base. */
export const generalContender = (base: View, other: View): Record<Language, Contender> =>
	byLanguage(({ grades, groups }, cosines) => contendSimilarities(grades, cosines(base), cosines(other), groups));

/** Mean cosine of a text and its form with slips of the fingers, under both models. */
function typoRobustness(base: View, adapted: View) {
	// Forms of the sample's first few texts.
	const [before, after] = [base, adapted].map((view) => cosinesOf(view("misspelled"), view("sample"))) as [Float64Array, Float64Array];
	const [b, a, d] = bootstrapMeans([before, after, after.map((value, i) => value - before[i]!)]);
	return { texts: before.length, base: rounded(b!.mean), adapted: rounded(a!.mean), gain: rounded(d!.mean), ci95: d!.ci95.map(rounded) };
}

/** Anisotropy and hubness of one set of vectors. */
export const shapeOf = (sample: Vectors) => ({
	mean_cosine: rounded(meanOf(pairwise(sample))),
	hubness: rounded(hubness(sample)),
});

export interface Sanity {
	readonly [name: string]: unknown;
	readonly texts: number;
	readonly similarity_correlation: number;
	readonly collapsed: boolean;
	readonly general: General;
}

/** Compares both models over a sample of the training texts and over the general set. */
export function sanityOf(base: View, adapted: View): Sanity {
	const [before, after] = [base("sample"), adapted("sample")];
	const drift = driftOf(before, after);
	return {
		texts: before.count,
		similarity_correlation: rounded(drift.similarityCorrelation),
		mean_cosine: { base: rounded(drift.meanCosine.base), adapted: rounded(drift.meanCosine.adapted) },
		collapsed: drift.collapsed,
		hubness: { neighbours: HUBNESS_NEIGHBOURS, base: rounded(hubness(before)), adapted: rounded(hubness(after)) },
		typos: typoRobustness(base, adapted),
		general: generalSimilarity(base, adapted),
	};
}
