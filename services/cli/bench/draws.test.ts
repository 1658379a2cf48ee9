import { unitVectors } from "@dak/shared/evaluation";
import { expect, test } from "vitest";
import { drawVerdicts } from "./draws.js";

const COUNT = 120;
const NONE = { queries: [], corpus: [], pairs: [], categories: [] };

const matrix = (rows: readonly Float32Array[]) => unitVectors(Float32Array.from(rows.flatMap((row) => [...row])), rows[0]!.length);

/** The adapter finds every answer. The base finds none of `missed` queries: their answer lies further than any other text. */
function services(missed: number) {
	const vector = (at: number, sign = 1) => Float32Array.from({ length: COUNT }, (_, i) => (i === at ? sign : 0.01));
	return async (texts: readonly string[], model: "base" | "adapter") =>
		matrix(
			texts.map((text) => {
				const at = Number(text.slice(1));
				return vector(at, model === "base" && text.startsWith("q") && at < missed ? -1 : 1);
			}),
		);
}

const labels = {
	...NONE,
	queries: Array.from({ length: COUNT }, (_, i) => ({ query: `q${i}`, relevant: [`t${i}`] })),
	corpus: Array.from({ length: COUNT }, (_, i) => `t${i}`),
};

test("a large gain is seen by any draw, a small one by few", async () => {
	const large = await drawVerdicts(labels, { embed: services(60), sizes: [50], rounds: 50 });
	expect(large.retrieval!.whole).toMatchObject({ labels: COUNT, verdict: "improved" });
	expect(large.retrieval!.draws).toEqual([{ labels: 50, verdicts: { improved: 1, no_change: 0, regressed: 0 } }]);
	const small = await drawVerdicts(labels, { embed: services(6), sizes: [20, 500], rounds: 50 });
	expect(small.retrieval!.whole.verdict).toBe("improved");
	const [draw] = small.retrieval!.draws;
	expect(draw!.verdicts.improved).toBeLessThan(0.5);
	expect(draw!.verdicts.regressed).toBe(0);
	expect(small.retrieval!.draws).toHaveLength(1);
});

test("one model beside itself changes nothing, of whatever kind the labels are", async () => {
	const embed = async (texts: readonly string[]) =>
		matrix(texts.map((text) => Float32Array.from(text.padEnd(4), (char) => char.charCodeAt(0))));
	const kinds = {
		...labels,
		categories: labels.corpus.map((text, i) => ({ text, category: `${i % 6}` })),
		pairs: labels.corpus.map((sentence1, i) => ({ sentence1, sentence2: `q${i}`, score: i % 5 })),
	};
	const found = await drawVerdicts(kinds, { embed, sizes: [40], rounds: 5 });
	expect(Object.keys(found)).toEqual(["retrieval", "categories", "similarity"]);
	for (const { whole, draws } of Object.values(found)) {
		expect(whole).toMatchObject({ gain: 0, verdict: "no_change" });
		expect(draws[0]!.verdicts.no_change).toBe(1);
	}
});
