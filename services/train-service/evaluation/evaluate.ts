/** A job's report: what was measured on base and adapter, in the names of the JSON that users read. */
import { type Comparison, type Contender, meanOf, nearest, rounded, rowOf, unitVectors, type Vectors } from "@dak/shared/evaluation";
import { checksOf } from "./checks.js";
import { pairwise } from "./drift.js";
import {
	Eigenbasis,
	FEWEST_TEXTS_TO_FIT,
	FREE_BASELINE_NAMES,
	FREE_BASELINES,
	type FreeBaseline,
	type LinearMap,
} from "./free-baselines.js";
import { projection, similarityHistogram } from "./pictures.js";
import type { EvaluationPlan, GroupName } from "./plan.js";
import { generalContender, sanityOf, shapeOf } from "./sanity.js";
import { conclude, type ReportVerdict } from "./summary.js";
import { type Task, type TaskName, tasksOf, type View } from "./tasks.js";
import { throughMap, whitening } from "./whitening.js";

/** One model's vectors of a plan's texts, group by group. */
export interface ModelVectors {
	readonly dimension: number;
	readonly groups: Readonly<Partial<Record<GroupName, Float32Array>>>;
}

/** Each group's vectors through a map, of length 1. */
export function mapVectors({ dimension, groups }: ModelVectors, map: LinearMap): ModelVectors {
	const mapped = Object.entries(groups).map(([name, data]) => [name, throughMap(unitVectors(data, dimension), map).data]);
	return { dimension, groups: Object.fromEntries(mapped) };
}

/** Fits whitening to the training texts among a model's vectors; undefined for too few. Scales them to length 1 in place. */
export function fitWhitening({ dimension, groups }: ModelVectors, share: number): LinearMap | undefined {
	const [sample, fit] = [groups.sample!, groups.fit!].map((data) => unitVectors(data, dimension)) as [Vectors, Vectors];
	return whitening(joined(sample, fit), share);
}

export interface Spread {
	readonly mean: number;
	readonly deviation: number;
}

/** Mean and standard deviation of the cosines of every two of the sampled texts. Scales their vectors to length 1 in place. */
export function spreadOf({ dimension, groups }: ModelVectors): Spread {
	const cosines = pairwise(unitVectors(groups.sample!, dimension));
	const mean = meanOf(cosines);
	return { mean, deviation: Math.sqrt(meanOf(cosines.map((cosine) => (cosine - mean) ** 2))) };
}

export interface EvaluationInput {
	readonly plan: EvaluationPlan;
	readonly base: ModelVectors;
	readonly adapted: ModelVectors;
	/** Means over the first and the last steps. */
	readonly loss?: { readonly first: number; readonly last: number } | undefined;
	/** Whether the objective aims at other similarities than the base's: how far they have moved says nothing then. */
	readonly reshaped?: boolean | undefined;
}

/** Base, adapter and free baselines over one kind of labels. */
export type LabelledReport = Comparison & {
	readonly [count: string]: unknown;
	readonly free_baselines?: Readonly<Record<FreeBaseline, Contender>>;
};

export interface EvaluationReport {
	readonly verdict: ReportVerdict;
	/** The verdict in a sentence. */
	readonly summary: string;
	readonly retrieval: LabelledReport | undefined;
	readonly categories: LabelledReport | undefined;
	readonly similarity: LabelledReport | undefined;
	readonly sanity: Record<string, unknown>;
	readonly neighbours: readonly Record<string, unknown>[];
	readonly similarity_histogram: unknown;
	readonly projection: unknown;
	readonly bounded: readonly string[];
}

/** Measures base and adapter over the same texts. Vectors are scaled to length 1 in place. */
export function evaluateAdaptation({ plan, base: before, adapted: after, loss, reshaped }: EvaluationInput): EvaluationReport {
	const [base, adapted] = [viewOf(before), viewOf(after)];
	const tasks = tasksOf(plan, before.dimension);
	const compared = tasks.map((task) => [task.name, task.compare(base, adapted)] as const);
	const comparisons: Partial<Record<TaskName, Comparison>> = Object.fromEntries(compared);
	const sanity = sanityOf(base, adapted);
	const checks = checksOf(sanity, { loss, reshaped });
	const free = freeBaselines(base, tasks);
	const labelled = (name: TaskName): LabelledReport | undefined => {
		const comparison = comparisons[name];
		if (!comparison) return undefined;
		const beside = free && { free_baselines: free.tasks[name]! };
		return { ...tasks.find((task) => task.name === name)!.facts, ...comparison, ...beside };
	};
	const [sampleBefore, sampleAfter] = [base("sample"), adapted("sample")];
	return {
		...conclude(comparisons, checks),
		retrieval: labelled("retrieval"),
		categories: labelled("categories"),
		similarity: labelled("similarity"),
		sanity: { ...sanity, checks, ...(free ? { free_baselines: free.sanity } : {}) },
		neighbours: neighbours(plan.groups.sample, sampleBefore, sampleAfter),
		similarity_histogram: similarityHistogram(sampleBefore, sampleAfter),
		projection: projection(sampleBefore, sampleAfter),
		bounded: plan.bounded,
	};
}

function viewOf({ dimension, groups }: ModelVectors): View {
	const views = new Map(Object.entries(groups).map(([group, data]) => [group, unitVectors(data, dimension)]));
	return (group) => views.get(group)!;
}

/** The base's own vectors under each free transformation, one after the other: each has copies of its own. */
function freeBaselines(base: View, tasks: readonly Task[]) {
	const fit = joined(base("sample"), base("fit"));
	if (fit.count < FEWEST_TEXTS_TO_FIT) return undefined;
	const basis = Eigenbasis.of(fit);
	const rotated = new Map<GroupName, Vectors>();
	const rotatedOf = (group: GroupName) => {
		const known = rotated.get(group) ?? basis.rotate(base(group));
		rotated.set(group, known);
		return known;
	};
	const measured = FREE_BASELINE_NAMES.map((name) => {
		const scaled = new Map<GroupName, Vectors>();
		const view: View = (group) => {
			const known = scaled.get(group) ?? basis.scaled(rotatedOf(group), FREE_BASELINES[name]);
			scaled.set(group, known);
			return known;
		};
		const contenders = tasks.map((task) => [task.name, task.contend(base, view)] as const);
		return { name, contenders, shape: { ...shapeOf(view("sample")), general: generalContender(base, view) } };
	});
	const ofTask = (task: TaskName) =>
		Object.fromEntries(measured.map(({ name, contenders }) => [name, new Map(contenders).get(task)!])) as Record<FreeBaseline, Contender>;
	return {
		tasks: Object.fromEntries(tasks.map(({ name }) => [name, ofTask(name)])) as Partial<Record<TaskName, Record<FreeBaseline, Contender>>>,
		sanity: { texts: fit.count, ...Object.fromEntries(measured.map(({ name, shape }) => [name, shape])) },
	};
}

function joined(a: Vectors, b: Vectors): Vectors {
	const data = new Float32Array(a.data.length + b.data.length);
	data.set(a.data);
	data.set(b.data, a.data.length);
	return { count: a.count + b.count, dimension: a.dimension, data };
}

/** The nearest texts of the first few, under both models. */
function neighbours(texts: readonly string[], base: Vectors, adapted: Vectors, examples = 5, k = 3): Record<string, unknown>[] {
	const list = (vectors: Vectors, i: number) =>
		nearest(rowOf(vectors, i), vectors, k, i).map(({ index, score }) => ({ text: texts[index], cosine: rounded(score) }));
	return texts.slice(0, examples).map((text, i) => ({ text, base: list(base, i), adapted: list(adapted, i) }));
}
