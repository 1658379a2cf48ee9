/**
 * How often a verdict by a few labels is that of all of them: draws of so many labels, as a user might have given them, each judged as a
 * job judges. Of queries and pairs any; of categories ten texts each, as somebody would collect them.
 */
import {
	categorySet,
	contendRetrieval,
	contendSimilarities,
	cosinesOf,
	type Gain,
	type ItemScores,
	labelledSet,
	retrievalScores,
	rowsOf,
	type Vectors,
	type Verdict,
	verdictOf,
} from "@dak/shared/evaluation";
import { Random } from "@dak/shared/random";
import type { LabelledData } from "../evaluation/labelled-file.js";

type Model = "base" | "adapter";

export interface DrawOptions {
	/** Unit vectors of texts, in order. */
	readonly embed: (texts: readonly string[], model: Model) => Promise<Vectors>;
	/** Labels in a draw. */
	readonly sizes: readonly number[];
	/** Draws of each size. */
	readonly rounds: number;
}

interface Verdicts {
	/** Labels in a draw. */
	readonly labels: number;
	/** Share of the draws. */
	readonly verdicts: Readonly<Record<Verdict, number>>;
}

export interface DrawnTask {
	/** Of all labels. */
	readonly whole: Gain & { readonly labels: number; readonly verdict: Verdict };
	readonly draws: readonly Verdicts[];
}

/** A kind of labels, of which any rows can be judged by themselves. */
interface Judged {
	readonly count: number;
	/** @param size labels of a draw, or all */
	readonly gain: (size?: number) => Gain;
}

const TEXTS_A_CATEGORY = 10;

export async function drawVerdicts(
	labels: LabelledData,
	{ embed, sizes, rounds }: DrawOptions,
): Promise<Readonly<Record<string, DrawnTask>>> {
	const random = Random.for(1, "draws");
	const judged: readonly (readonly [string, Judged | undefined])[] = [
		["retrieval", await retrieval(labels, embed, random)],
		["categories", await categories(labels, embed, random)],
		["similarity", await similarity(labels, embed, random)],
	];
	return Object.fromEntries(judged.flatMap(([name, task]) => (task ? [[name, judge(task, sizes, rounds)]] : [])));
}

function judge({ count, gain }: Judged, sizes: readonly number[], rounds: number): DrawnTask {
	const whole = gain();
	const draws = sizes
		.filter((size) => size <= count)
		.map((labels) => {
			const found: Record<Verdict, number> = { improved: 0, no_change: 0, regressed: 0 };
			for (let round = 0; round < rounds; round++) found[verdictOf(gain(labels))]++;
			const share = ([name, count]: [string, number]) => [name, Number((count / rounds).toFixed(3))];
			return { labels, verdicts: Object.fromEntries(Object.entries(found).map(share)) as Record<Verdict, number> };
		});
	return { whole: { labels: count, ...whole, verdict: verdictOf(whole) }, draws };
}

/** `size` of the first `count` numbers, by chance. */
const drawn = (random: Random, count: number, size = count): number[] => random.shuffle([...new Array(count).keys()]).slice(0, size);

type Embed = DrawOptions["embed"];

async function ofBoth(texts: readonly string[], embed: Embed): Promise<readonly [Vectors, Vectors]> {
	return [await embed(texts, "base"), await embed(texts, "adapter")];
}

async function retrieval(labels: LabelledData, embed: Embed, random: Random): Promise<Judged | undefined> {
	if (labels.queries.length === 0) return undefined;
	const answers = new Set(labels.queries.flatMap(({ relevant }) => relevant));
	const { queries, corpus, relevant, self } = labelledSet(labels.queries, [...new Set([...labels.corpus, ...answers])]);
	const [asked, searched] = [await ofBoth(queries, embed), await ofBoth(corpus, embed)];
	const scores = [0, 1].map((model) => retrievalScores(asked[model]!, searched[model]!, relevant, (i) => self[i])["mrr@10"]);
	const gain = (size?: number) => {
		const rows = drawn(random, queries.length, size);
		const [base, adapted] = scores.map((all) => ({ "mrr@10": Float64Array.from(rows, (row) => all[row]!) }) as ItemScores);
		return contendRetrieval("mrr@10", base!, adapted!);
	};
	return { count: queries.length, gain };
}

async function categories({ categories: rows }: LabelledData, embed: Embed, random: Random): Promise<Judged | undefined> {
	if (rows.length === 0) return undefined;
	const texts = [...new Set(rows.map(({ text }) => text))];
	const rowOf = new Map(texts.map((text, row) => [text, row]));
	const models = await ofBoth(texts, embed);
	const names = [...new Set(rows.map(({ category }) => category))];
	const gainOver = (chosen: LabelledData["categories"]) => {
		const set = categorySet(chosen);
		const at = set.texts.map((text) => rowOf.get(text)!);
		const [base, adapted] = models.map((all) => {
			const vectors = rowsOf(all, at);
			return retrievalScores(rowsOf(vectors, set.queries), vectors, set.relevant, (i) => set.queries[i]);
		});
		return contendRetrieval("map@10", base!, adapted!);
	};
	const gain = (size?: number) => {
		if (size === undefined) return gainOver(rows);
		const drawnNames = drawn(random, names.length, Math.max(2, Math.ceil(size / TEXTS_A_CATEGORY))).map((i) => names[i]!);
		return gainOver(
			drawnNames.flatMap((name) => {
				const members = rows.filter(({ category }) => category === name);
				return drawn(random, members.length, TEXTS_A_CATEGORY).map((i) => members[i]!);
			}),
		);
	};
	return { count: rows.length, gain };
}

async function similarity({ pairs }: LabelledData, embed: Embed, random: Random): Promise<Judged | undefined> {
	if (pairs.length === 0) return undefined;
	const firsts = await ofBoth(
		pairs.map(({ sentence1 }) => sentence1),
		embed,
	);
	const seconds = await ofBoth(
		pairs.map(({ sentence2 }) => sentence2),
		embed,
	);
	const cosines = [0, 1].map((model) => cosinesOf(firsts[model]!, seconds[model]!));
	const gain = (size?: number) => {
		const rows = drawn(random, pairs.length, size);
		const [base, adapted] = cosines.map((all) => Float64Array.from(rows, (row) => all[row]!));
		return contendSimilarities(
			rows.map((row) => pairs[row]!.score),
			base!,
			adapted!,
		);
	};
	return { count: pairs.length, gain };
}
