/** The 8-bit modes on the real model: against fp32 products over the same 4-bit base, and against themselves in other company. */
import { readFileSync } from "node:fs";
import type { Adapter, LoraModule } from "@dak/shared/adapters";
import { type BaseModel, linearLayers } from "@dak/shared/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestModel } from "../../../shared/nn/testing/base-model.js";
import { seededParameter } from "../../../shared/nn/testing/params.js";
import { createRunner, type ModelRunner, type RunnerAdapter, type RunnerInput } from "./index.js";

const { ids: golden } = JSON.parse(readFileSync(new URL("../../../tests/fixtures/golden/encoder.json", import.meta.url), "utf8")) as {
	readonly ids: readonly (readonly number[])[];
};
const texts = golden.map((one) => Int32Array.from(one));

let base: BaseModel;
let exact: ModelRunner;
const start = (compute: "int8" | "precise" | "fp32", threads = 2) => createRunner(base, { device: "cpu", threads, compute });
beforeAll(async () => {
	base = await openTestModel();
	exact = await start("fp32");
});
afterAll(async () => {
	await exact?.close();
	base.weights.close();
});

function adapterOf(r: number, seed: string, layers: (path: string) => boolean = () => true): Adapter {
	const modules = linearLayers(base.encoder)
		.filter(({ path }) => layers(path))
		.map((layer): LoraModule => {
			const a = seededParameter(`${seed}${layer.path}.lora_A`, r * layer.inFeatures, 0.05);
			return { ...layer, r, a, b: seededParameter(`${seed}${layer.path}.lora_B`, layer.outFeatures * r, 0.05) };
		});
	return { name: seed, r, scale: 8 / r, modules, manifest: undefined, weightsHash: "", bytes: 0 };
}

/** Texts of every length between, so that they share rows of attention in many ways. */
const lengths = [2, 3, 5, 8, 13, 14, 15, 16, 17, 18, 21, 31, 32, 33, 47, 64, 100, 129, 200, 256];
const madeText = (length: number, salt: number) => Int32Array.from({ length }, (_, i) => 1000 + ((i * 7919 + salt * 104729) % 28000));

const largestGap = (a: Float32Array, b: Float32Array): number => {
	expect(a.length).toBe(b.length);
	return a.reduce((gap, value, i) => Math.max(gap, Math.abs(value - b[i]!)), 0);
};

async function oneByOne(runner: ModelRunner, batch: readonly RunnerInput[]): Promise<Float32Array> {
	const all = new Float32Array(batch.length * runner.dimension);
	for (const [i, input] of batch.entries()) all.set(await runner.embed([input]), i * runner.dimension);
	return all;
}

/** Cosine of each row of two sets of vectors. */
function cosines(a: Float32Array, b: Float32Array, dimension: number): number[] {
	return Array.from({ length: a.length / dimension }, (_, i) => {
		let [ab, aa, bb] = [0, 0, 0];
		for (let d = i * dimension; d < (i + 1) * dimension; d++) {
			ab += a[d]! * b[d]!;
			aa += a[d]! ** 2;
			bb += b[d]! ** 2;
		}
		return ab / Math.sqrt(aa * bb);
	});
}

describe.each([
	["int8", 0.99],
	["precise", 0.999],
] as const)("compute %s", (compute, leastCosine) => {
	let runner: ModelRunner;
	beforeAll(async () => {
		runner = await start(compute);
	});
	afterAll(() => runner?.close());

	it("stays near fp32 products over the same base, with an adapter too", async () => {
		const shape = adapterOf(8, "near");
		const adapters = { exact: await exact.prepare(shape), mine: await runner.prepare(shape) };
		for (const adapted of [false, true]) {
			const wanted = await exact.embed(texts.map((ids) => ({ ids, adapter: adapted ? adapters.exact : undefined })));
			const vectors = await runner.embed(texts.map((ids) => ({ ids, adapter: adapted ? adapters.mine : undefined })));
			const near = cosines(vectors, wanted, runner.dimension);
			expect(near.reduce((sum, one) => sum + one, 0) / near.length).toBeGreaterThan(leastCosine);
			expect(Math.min(...near)).toBeGreaterThan(1 - runner.driftLimit);
			expect(Math.min(...near)).toBeLessThan(1);
		}
	});

	it("gives a merged adapter's texts what its factors give, within the drift", async () => {
		for (const shape of [adapterOf(8, "near"), adapterOf(4, "some", (path) => path.endsWith("dense"))]) {
			const [factors, merged] = [await runner.prepare(shape), await runner.merge(shape)];
			const wanted = await exact.prepare(shape);
			const of = (one: RunnerAdapter) => texts.map((ids) => ({ ids, adapter: one }));
			const [mine, beside, right] = [await runner.embed(of(merged)), await runner.embed(of(factors)), await exact.embed(of(wanted))];
			expect(Math.min(...cosines(mine, beside, runner.dimension))).toBeGreaterThan(1 - runner.driftLimit);
			expect(Math.min(...cosines(mine, right, runner.dimension))).toBeGreaterThan(1 - runner.driftLimit);
			const base = await runner.embed(texts.map((ids) => ({ ids, adapter: undefined })));
			expect(Math.min(...cosines(base, right, runner.dimension))).toBeLessThan(Math.min(...cosines(mine, right, runner.dimension)));
			merged.dispose();
			expect(await runner.embed(of(factors))).toEqual(beside);
		}
	});

	it("gives a text the same vector whatever its batch mates, their lengths, ranks and layers", async () => {
		const adapters: (RunnerAdapter | undefined)[] = [undefined, undefined];
		adapters.push(await runner.merge(adapterOf(8, "merged")));
		adapters.push(await runner.prepare(adapterOf(1, "a")));
		adapters.push(await runner.prepare(adapterOf(16, "b", (path) => path.endsWith("query") || path.endsWith("value"))));
		adapters.push(await runner.prepare(adapterOf(24, "c")));
		const all = lengths.map((length, i) => ({ ids: madeText(length, i), adapter: undefined }));
		const mixed = lengths.map((length, i) => ({ ids: madeText(length, i), adapter: adapters[(i * 7) % adapters.length] }));
		for (const batch of [all, mixed, mixed.filter(({ ids }) => ids.length < 20)]) {
			const together = await runner.embed(batch);
			expect(largestGap(together, await oneByOne(runner, batch))).toBeLessThan(1e-5);
		}
	});
});

it("runs 8-bit products on the CPU only, and says so", async () => {
	const refused = createRunner(base, { device: "webgpu", threads: 1, compute: "int8" });
	await expect(refused).rejects.toMatchObject({ reason: "INVALID_REQUEST" });
	const chosen = await createRunner(base, { device: "auto", threads: 1, compute: "int8" });
	expect([chosen.device, chosen.compute]).toEqual(["cpu", "int8"]);
	await chosen.close();
});
