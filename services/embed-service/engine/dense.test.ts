import { expect, test } from "vitest";
import { applyDense, checkDense } from "./dense.js";

const dense = { inFeatures: 2, outFeatures: 2, weight: Float32Array.of(0, 2, 1, 0), bias: Float32Array.of(0.5, -1) };
const adapter = { name: "a", r: 1, scale: 1, modules: [], manifest: undefined, weightsHash: "", bytes: 0 };

test("vectors of length 1 go through the module of their own adapter, others stay as they are", () => {
	const vectors = Float32Array.of(3, 4, 3, 4, 0, 0);
	applyDense(vectors, [0, 7, 7], new Map([[7, dense]]));
	expect([...vectors].map((value) => Number(value.toFixed(6)))).toEqual([3, 4, 2 * 0.8 + 0.5, 0.6 - 1, 0.5, -1]);
});

test("a module of another size than the base's vectors is refused with both", () => {
	expect(() => checkDense({ ...adapter, dense }, 2)).not.toThrow();
	expect(() => checkDense({ ...adapter, dense }, 3)).toThrowError(/found 2 → 2, allowed: 3 → 3/);
});
