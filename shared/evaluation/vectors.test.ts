import fc from "fast-check";
import { expect, test } from "vitest";
import { dotOf, nearest, rowOf, unitVectors } from "./vectors.js";

const DIMENSION = 5;
const vectors = fc
	.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: DIMENSION, maxLength: DIMENSION }), { minLength: 1, maxLength: 40 })
	.map((rows) => unitVectors(Float32Array.from(rows.flat()), DIMENSION));

test("nearest is the head of a stable sort of all, whatever k", () => {
	fc.assert(
		fc.property(vectors, fc.integer({ min: 1, max: 12 }), fc.option(fc.nat(39), { nil: undefined }), (corpus, k, skip) => {
			const query = rowOf(corpus, 0);
			const sorted = Array.from({ length: corpus.count }, (_, index) => ({ index, score: dotOf(query, rowOf(corpus, index)) }))
				.filter(({ index }) => index !== skip)
				.sort((a, b) => b.score - a.score)
				.slice(0, k);
			expect(nearest(query, corpus, k, skip)).toEqual(sorted);
		}),
	);
});

test("a row is scaled to length 1 in place, and a row of zeros stays", () => {
	const data = Float32Array.of(3, 4, 0, 0);
	expect(unitVectors(data, 2)).toEqual({ count: 2, dimension: 2, data });
	expect([...data]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 0]);
});

test("elements that are no whole rows are a fault of the caller's", () => {
	expect(() => unitVectors(new Float32Array(7), 2)).toThrow("7 elements are no rows of 2");
});
