import { unitVectors } from "@dak/shared/evaluation";
import { Random } from "@dak/shared/random";
import { expect, test } from "vitest";
import { proposePairs } from "./propose.js";

const D = 8;
function vectors(count: number, seed: number) {
	const random = new Random(seed);
	return unitVectors(
		Float32Array.from({ length: count * D }, () => random.normal()),
		D,
	);
}

test("as many different pairs of two texts as asked for, the same ones for the same seed", () => {
	const models = [vectors(200, 1), vectors(200, 2)];
	const pairs = proposePairs(models, 50, 3);
	expect(pairs).toHaveLength(50);
	expect(pairs.every(([a, b]) => a !== b && a < 200 && b < 200)).toBe(true);
	expect(new Set(pairs.map(([a, b]) => [a, b].sort((x, y) => x - y).join())).size).toBe(50);
	expect(proposePairs(models, 50, 3)).toEqual(pairs);
	expect(proposePairs(models, 50, 4)).not.toEqual(pairs);
});

test("each model's nearest text is among a query's pairs", () => {
	const models = [vectors(100, 1), vectors(100, 2)];
	const [query] = proposePairs(models, 20, 1)[0]!;
	const partners = proposePairs(models, 20, 1)
		.filter(([a]) => a === query)
		.map(([, b]) => b);
	for (const { data } of models) {
		const cosine = (i: number) => Array.from({ length: D }, (_, k) => data[i * D + k]! * data[query * D + k]!).reduce((x, y) => x + y);
		const near = Array.from({ length: 100 }, (_, i) => i)
			.filter((i) => i !== query)
			.sort((a, b) => cosine(b) - cosine(a))[0]!;
		expect(partners).toContain(near);
	}
});

test("two texts make one pair", () => {
	expect(proposePairs([vectors(2, 1)], 50, 1)).toHaveLength(1);
});
