/** The engine on the real model: against PyTorch, PEFT and bitsandbytes, and against itself in other company. */
import { readFileSync } from "node:fs";
import type { Adapter, LoraModule } from "@dak/shared/adapters";
import { type BaseModel, linearLayers } from "@dak/shared/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestModel } from "../../../shared/nn/testing/base-model.js";
import { seededParameter } from "../../../shared/nn/testing/params.js";
import { createRunner, type ModelRunner, type RunnerAdapter, type RunnerInput } from "./index.js";

interface Golden {
	readonly ids: readonly (readonly number[])[];
	readonly vectors: Readonly<Record<"nf4" | "nf4_lora", { readonly pooled: string }>>;
}

const golden = JSON.parse(readFileSync(new URL("../../../tests/fixtures/golden/encoder.json", import.meta.url), "utf8")) as Golden;
const ids = golden.ids.map((one) => Int32Array.from(one));

function goldenVectors(kind: keyof Golden["vectors"]): Float32Array {
	const bytes = Buffer.from(golden.vectors[kind].pooled, "base64");
	return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

let base: BaseModel;
let runner: ModelRunner;
beforeAll(async () => {
	base = await openTestModel();
	runner = await createRunner(base, { device: "cpu", threads: 1, compute: "fp32" });
});
afterAll(async () => {
	await runner?.close();
	base.weights.close();
});

interface AdapterShape {
	readonly r: number;
	readonly seed?: string;
	readonly layers?: (path: string) => boolean;
}

/** Without a seed: the fixtures' own factors. */
function adapterOf({ r, seed = "", layers = () => true }: AdapterShape): Adapter {
	const modules = linearLayers(base.encoder)
		.filter(({ path }) => layers(path))
		.map((layer): LoraModule => {
			const a = seededParameter(`${seed}${layer.path}.lora_A`, r * layer.inFeatures, 0.05);
			return { ...layer, r, a, b: seededParameter(`${seed}${layer.path}.lora_B`, layer.outFeatures * r, 0.05) };
		});
	return { name: `r${r}`, r, scale: 8 / r, modules, manifest: undefined, weightsHash: "", bytes: 0 };
}

const largestGap = (a: Float32Array, b: Float32Array): number => {
	expect(a.length).toBe(b.length);
	return a.reduce((gap, value, i) => Math.max(gap, Math.abs(value - b[i]!)), 0);
};

/** Each text by itself. */
async function oneByOne(batch: readonly RunnerInput[]): Promise<Float32Array> {
	const all = new Float32Array(batch.length * runner.dimension);
	for (const [i, input] of batch.entries()) all.set(await runner.embed([input]), i * runner.dimension);
	return all;
}

const reasonOf = (work: Promise<unknown>) =>
	work.then(
		() => "done",
		(error: { reason: string }) => error.reason,
	);

describe("the engine", () => {
	it("gives sentence-transformers' vectors over bitsandbytes' NF4 weights", async () => {
		const vectors = await runner.embed(ids.map((one) => ({ ids: one, adapter: undefined })));
		expect(largestGap(vectors, goldenVectors("nf4"))).toBeLessThan(2e-5);
	});

	it("gives PEFT's vectors with an adapter, alone in its batch and beside others", async () => {
		const adapter = await runner.prepare(adapterOf({ r: 4 }));
		const other = await runner.prepare(adapterOf({ r: 16, seed: "other" }));
		const wanted = goldenVectors("nf4_lora");
		const texts = ids.map((one) => ({ ids: one, adapter }));
		expect(largestGap(await runner.embed(texts), wanted)).toBeLessThan(2e-5);
		const beside = ids.flatMap((one) => [
			{ ids: one, adapter: other },
			{ ids: one, adapter },
		]);
		const vectors = await runner.embed(beside);
		const own = ids.map((_, i) => vectors.subarray((2 * i + 1) * runner.dimension, (2 * i + 2) * runner.dimension));
		expect(largestGap(Float32Array.from(own.flatMap((vector) => [...vector])), wanted)).toBeLessThan(2e-5);
		expect(largestGap(wanted, goldenVectors("nf4"))).toBeGreaterThan(0.1);
		for (const one of [adapter, other]) one.dispose();
	});

	it("gives a text the same vector whatever its batch mates, their lengths, ranks and layers", async () => {
		const shapes: AdapterShape[] = [
			{ r: 1, seed: "a" },
			{ r: 8, seed: "b", layers: (path) => path.endsWith("query") || path.endsWith("value") },
			{ r: 16, seed: "c", layers: (path) => path.startsWith("encoder.layer.5") },
			{ r: 5, seed: "d" },
		];
		const adapters: (RunnerAdapter | undefined)[] = [undefined];
		for (const shape of shapes) adapters.push(await runner.prepare(adapterOf(shape)));
		const long = Int32Array.from({ length: base.maxSeqLength }, (_, i) => 1000 + i);
		const batch = [...ids, long].map((one, i) => ({ ids: one, adapter: adapters[(i * 7) % adapters.length] }));
		const together = await runner.embed(batch);
		expect(largestGap(together, await oneByOne(batch))).toBeLessThan(1e-5);
		const reversed = await runner.embed(batch.toReversed());
		const back = Float32Array.from(
			batch.flatMap((_, i) => [...reversed.slice((batch.length - 1 - i) * runner.dimension).subarray(0, runner.dimension)]),
		);
		expect(largestGap(together, back)).toBeLessThan(1e-5);
		for (const adapter of adapters) adapter?.dispose();
	});

	it("lets an adapter whose numbers overflow spoil its own texts only", async () => {
		const wild = adapterOf({ r: 2, seed: "wild" });
		for (const { a, b } of wild.modules) for (const part of [a, b]) part.fill(1e30);
		const adapter = await runner.prepare(wild);
		const tame = await runner.prepare(adapterOf({ r: 2, seed: "tame" }));
		const good = [
			{ ids: ids[1]!, adapter: undefined },
			{ ids: ids[2]!, adapter: tame },
		];
		const vectors = await runner.embed([{ ids: ids[0]!, adapter }, ...good]);
		expect(vectors.subarray(0, runner.dimension).every(Number.isFinite)).toBe(false);
		expect(largestGap(vectors.slice(runner.dimension), await oneByOne(good))).toBeLessThan(1e-5);
		for (const one of [adapter, tame]) one.dispose();
	});

	it("runs a batch that was sent before its adapter was freed, and none after", async () => {
		const adapter = await runner.prepare(adapterOf({ r: 4 }));
		const sent = runner.embed([{ ids: ids[0]!, adapter }]);
		adapter.dispose();
		expect(await reasonOf(sent)).toBe("done");
		expect(await reasonOf((async () => runner.embed([{ ids: ids[0]!, adapter }]))())).toBe("RUNTIME_FAILED");
	});

	it.each<[string, (adapter: Adapter) => Adapter]>([
		["a layer that the base lacks", (a) => ({ ...a, modules: [{ ...a.modules[0]!, path: "encoder.layer.99.output.dense" }] })],
		["a layer of another size", (a) => ({ ...a, modules: [{ ...a.modules[0]!, inFeatures: 12 }] })],
		["factors of another size", (a) => ({ ...a, modules: [{ ...a.modules[0]!, a: new Float32Array(3) }] })],
		["values that are not finite", (a) => ({ ...a, modules: [{ ...a.modules[0]!, a: a.modules[0]!.a.map(() => Number.NaN) }] })],
		["a scale that is not finite", (a) => ({ ...a, scale: Number.POSITIVE_INFINITY })],
	])("refuses an adapter with %s", async (_, change) => {
		expect(await reasonOf(runner.prepare(change(adapterOf({ r: 4 }))))).toBe("ADAPTER_INCOMPATIBLE");
	});

	it("answers an empty batch", async () => {
		expect(await runner.embed([])).toHaveLength(0);
	});

	it("gives the same vectors over word embeddings in half precision as over their values", async () => {
		const name = "embeddings.word_embeddings.weight";
		const { shape } = base.weights.tensors.get(name)!;
		const bits = new Uint16Array(shape[0]! * shape[1]!);
		const values = new Float32Array(bits.length);
		for (let i = 0; i < bits.length; i++) {
			// ±(1 + fraction/1024): halves with the exponent of 1.
			const fraction = (i * 2654435761) % 1024;
			bits[i] = 0x3c00 | fraction | (i % 3 === 0 ? 0x8000 : 0);
			values[i] = (i % 3 === 0 ? -1 : 1) * (1 + fraction / 1024);
		}
		const withWords = (dtype: "F16" | "F32"): BaseModel => {
			const tensors = new Map(base.weights.tensors).set(name, { ...base.weights.tensors.get(name)!, dtype });
			const bytes = (tensor: string) =>
				tensor === name ? { dtype: "F16" as const, shape, data: new Uint8Array(bits.slice().buffer) } : base.weights.bytes(tensor);
			const float32 = (tensor: string) => (tensor === name ? values.slice() : base.weights.float32(tensor));
			const rows = (tensor: string, which: ArrayLike<number>) => {
				if (tensor !== name) return base.weights.rows(tensor, which);
				return values.slice(which[0]! * shape[1]!, (which[which.length - 1]! + 1) * shape[1]!);
			};
			return { ...base, weights: { ...base.weights, metadata: {}, tensors, bytes, float32, rows, close: () => {} } };
		};
		const results: [number, Float32Array][] = [];
		for (const dtype of ["F16", "F32"] as const) {
			const other = await createRunner(withWords(dtype), { device: "cpu", threads: 1, compute: "fp32" });
			results.push([other.baseBytes, await other.embed(ids.map((one) => ({ ids: one, adapter: undefined })))]);
			await other.close();
		}
		expect(largestGap(results[0]![1], results[1]![1])).toBe(0);
		expect(results[1]![0] - results[0]![0]).toBe(2 * bits.length);
	});

	it("fails what waits when it is closed, and says that it cannot serve", async () => {
		const other = await createRunner(base, { device: "cpu", threads: 1, compute: "fp32" });
		const waiting = other.embed(ids.map((one) => ({ ids: one, adapter: undefined }))).then(
			() => "done",
			(error: { reason: string }) => error.reason,
		);
		await other.close();
		expect(await waiting).toBe("RUNTIME_FAILED");
		expect(other.healthy).toBe(false);
		expect(await reasonOf(other.embed([{ ids: ids[0]!, adapter: undefined }]))).toBe("RUNTIME_FAILED");
	});
});
