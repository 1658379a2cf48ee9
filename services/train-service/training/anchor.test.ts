import { expect, test } from "vitest";
import { type ModelVectors, mapVectors, spreadOf } from "../evaluation/index.js";
import { isNarrow, whitenedTarget } from "./anchor.js";

const [COUNT, DIM] = [200, 8];

/** Vectors of length 1 around a direction that all of them share. */
function vectors(shared: number, count = COUNT): ModelVectors {
	let state = 7;
	const random = () => {
		state = (state * 48_271) % 2_147_483_647;
		return state / 2_147_483_647 - 0.5;
	};
	const data = new Float32Array(count * DIM);
	for (let row = 0; row < count; row++) {
		const one = Array.from({ length: DIM }, (_, i) => random() / (i + 1) + (i === 0 ? shared : 0));
		const norm = Math.hypot(...one);
		data.set(
			one.map((value) => value / norm),
			row * DIM,
		);
	}
	return { dimension: DIM, groups: { sample: data, fit: new Float32Array(0) } };
}

test("whitened similarities are brought to the mean and the spread of the base's own where those lie in a narrow cone", () => {
	const base = vectors(4);
	const own = spreadOf(base);
	expect(isNarrow(own)).toBe(true);
	const { map, scale, shift } = whitenedTarget(base, 0.75)!;
	const whitened = spreadOf(mapVectors(base, map));
	expect(scale * whitened.mean + shift).toBeCloseTo(own.mean, 6);
	expect(scale * whitened.deviation).toBeCloseTo(own.deviation, 6);
	expect(scale).toBeLessThan(0.5);
});

test("they stay as they are where the base's own lie apart", () => {
	const base = vectors(0.1);
	expect(isNarrow(spreadOf(base))).toBe(false);
	expect(whitenedTarget(base, 0.75)).toMatchObject({ scale: 1, shift: 0 });
});

test("too few texts have none, and texts that are all the same lie in no cone", () => {
	expect(whitenedTarget(vectors(4, 20), 0.75)).toBeUndefined();
	expect(isNarrow({ mean: 1, deviation: 0 })).toBe(false);
});
