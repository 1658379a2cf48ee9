import { readFileSync } from "node:fs";
import { dotOf, rowOf, unitVectors } from "@dak/shared/evaluation";
import { expect, test } from "vitest";
import { FREE_BASELINES } from "./free-baselines.js";
import { denseOf, throughMap, whitening } from "./whitening.js";

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../../tests/fixtures/golden/${name}.json`, import.meta.url), "utf8"));
const source = read("evaluation") as { dimension: number; corpus: string; queries: { base: string } };
const golden = read("metrics") as { whitened: Record<string, { cosines: number[] }> };
const vectors = (packed: string) => unitVectors(new Float32Array(Uint8Array.from(Buffer.from(packed, "base64")).buffer), source.dimension);
const [corpus, queries] = [vectors(source.corpus), vectors(source.queries.base)];

test.each(Object.entries(FREE_BASELINES))("as a map, %s vectors have numpy's cosines", (name, power) => {
	const map = whitening(corpus, -2 * power)!;
	const [q, c] = [throughMap(queries, map), throughMap(corpus, map)];
	for (const [i, cosine] of golden.whitened[name]!.cosines.entries()) expect(dotOf(rowOf(q, 0), rowOf(c, i))).toBeCloseTo(cosine, 4);
});

test("as a Dense module it gives the same vectors", () => {
	const map = whitening(corpus, 0.5)!;
	const { weight, bias } = denseOf(map);
	const [found] = [
		unitVectors(
			Float32Array.from(bias, (b, n) => dotOf(rowOf(queries, 3), weight, n * bias.length) + b),
			bias.length,
		),
	];
	const wanted = rowOf(throughMap(queries, map), 3);
	found!.data.forEach((value, i) => {
		expect(value).toBeCloseTo(wanted[i]!, 5);
	});
});

test("whitened wholly, the corpus is as wide in every direction that it has", () => {
	const { mean, matrix } = whitening(corpus, 1)!;
	const { count, dimension } = corpus;
	const image = Array.from({ length: count }, (_, i) => {
		const centred = rowOf(corpus, i).map((value, k) => value - mean[k]!);
		return Array.from({ length: dimension }, (_, n) => dotOf(centred, matrix, n * dimension));
	});
	for (let a = 0; a < 3; a++) {
		const variance = image.reduce((sum, row) => sum + row[a]! ** 2 / count, 0);
		const covariance = image.reduce((sum, row) => sum + (row[a]! * row[a + 1]!) / count, 0);
		expect(Math.abs(variance - 1)).toBeLessThan(0.05);
		expect(Math.abs(covariance)).toBeLessThan(0.05);
	}
});

test("too few vectors have nothing to whiten by", () => {
	expect(whitening({ count: 10, dimension: 2, data: new Float32Array(20) }, 0.5)).toBeUndefined();
});
