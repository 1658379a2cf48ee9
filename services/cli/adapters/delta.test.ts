import type { Adapter, LoraModule } from "@dak/shared/adapters";
import fc from "fast-check";
import { expect, test } from "vitest";
import { factors } from "../../../shared/adapters/testing/adapter-folder.js";
import { compareAdapters, normOf } from "./delta.js";

const adapter = (modules: readonly LoraModule[], scale = 2): Adapter => ({
	name: "a",
	r: modules[0]!.r,
	scale,
	modules,
	manifest: undefined,
	weightsHash: "",
	bytes: 0,
});

/** s·B·A, element by element. */
function delta({ a, b, r, inFeatures, outFeatures }: LoraModule, scale: number): number[] {
	return Array.from({ length: outFeatures * inFeatures }, (_, at) => {
		const [row, column] = [Math.floor(at / inFeatures), at % inFeatures];
		return scale * Array.from({ length: r }, (_, i) => b[row * r + i]! * a[i * inFeatures + column]!).reduce((x, y) => x + y, 0);
	});
}

const dot = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);

test("norms and cosines are those of ΔW itself, whatever the ranks", () => {
	const rank = fc.integer({ min: 1, max: 4 });
	fc.assert(
		fc.property(rank, rank, fc.integer({ min: 1, max: 50 }), fc.double({ min: 0.1, max: 4, noNaN: true }), (r1, r2, seed, scale) => {
			const one = factors("layer", { inFeatures: 5, outFeatures: 3, r: r1, seed });
			const two = factors("layer", { inFeatures: 5, outFeatures: 3, r: r2, seed: seed + 0.5 });
			const [d1, d2] = [delta(one, scale), delta(two, 3)];
			const [n1, n2] = [Math.sqrt(dot(d1, d1)), Math.sqrt(dot(d2, d2))];
			const [layer] = compareAdapters(adapter([one], scale), adapter([two], 3)).layers;
			expect(normOf(one, scale)).toBeCloseTo(n1, 4);
			expect(layer!.norms[1]).toBeCloseTo(n2, 4);
			expect(layer!.cosine).toBeCloseTo(dot(d1, d2) / (n1 * n2), 4);
		}),
	);
});

test("an adapter is itself, and what only one of them has is named", () => {
	const [a, b, c] = ["a", "b", "c"].map((path, i) => factors(path, { seed: i + 1 }));
	const other = factors("b", { inFeatures: 8 });
	expect(compareAdapters(adapter([a!, b!]), adapter([a!, b!])).cosine).toBeCloseTo(1, 6);
	expect(compareAdapters(adapter([a!, b!]), adapter([a!, other, c!]))).toMatchObject({
		layers: [{ path: "a" }],
		onlyFirst: ["b"],
		onlySecond: ["b", "c"],
	});
});

test("one that adds nothing has no direction", () => {
	const one = factors("a");
	const zero = { ...one, b: new Float32Array(one.b.length) };
	expect(compareAdapters(adapter([one]), adapter([zero]))).toMatchObject({ layers: [{ cosine: undefined }], cosine: undefined });
});
