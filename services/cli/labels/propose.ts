/**
 * Which pairs of texts are worth a person's grade: near ones, as each of some models sees it, so that none of them is favoured, and
 * some that only chance puts together. Queries lie far apart, so that they cover the corpus.
 */
import { dotOf, nearest, rowOf, type Vectors } from "@dak/shared/evaluation";
import { Random } from "@dak/shared/random";

/** Ranks of a query's neighbours that are paired with it. */
const RANKS = [0, 2, 9];

export type Pair = readonly [a: number, b: number];

/**
 * Up to `count` different pairs of rows, query by query.
 * @param models each model's unit vectors of the same texts
 */
export function proposePairs(models: readonly Vectors[], count: number, seed: number): Pair[] {
	const texts = models[0]!.count;
	const random = Random.for(seed, "labels");
	const seen = new Set<string>();
	const pairs: Pair[] = [];
	const offer = (a: number, b: number) => {
		const key = a < b ? `${a} ${b}` : `${b} ${a}`;
		if (a === b || seen.has(key) || pairs.length === count) return;
		seen.add(key);
		pairs.push([a, b]);
	};
	for (const query of farApart(models[0]!, Math.min(texts, count), random.below(texts))) {
		if (pairs.length === count) break;
		for (const model of models) {
			const near = nearest(rowOf(model, query), model, RANKS.at(-1)! + 1, query);
			for (const rank of RANKS) if (near[rank]) offer(query, near[rank].index);
		}
		offer(query, random.below(texts));
	}
	return pairs;
}

/** Rows, each the farthest from all before it (Gonzalez 1985). */
function farApart(vectors: Vectors, count: number, first: number): number[] {
	const chosen = [first];
	const closest = new Float64Array(vectors.count).fill(Number.NEGATIVE_INFINITY);
	while (chosen.length < count) {
		const last = rowOf(vectors, chosen.at(-1)!);
		let farthest = 0;
		for (let i = 0; i < vectors.count; i++) {
			closest[i] = Math.max(closest[i]!, dotOf(last, vectors.data, i * vectors.dimension));
			if (closest[i]! < closest[farthest]!) farthest = i;
		}
		chosen.push(farthest);
	}
	return chosen;
}
