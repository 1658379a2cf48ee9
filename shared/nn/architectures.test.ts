/** Every architecture against transformers and PEFT, on tiny models of chance (tests/fixtures/golden/make_architectures.py). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkAdapterFits, readAdapter, writeAdapterFolder } from "../adapters/index.js";
import { type BaseModel, layoutOf, linearLayers, moduleNames, openBaseModel } from "../models/index.js";
import { chooseDevice, float32, int64, Session, type WantedDevice } from "../runtime/index.js";
import { openSafetensors } from "../safetensors/index.js";
import { exportOnnx, hasTokenTypes } from "./export/index.js";
import {
	batchFeeds,
	buildTrainingStep,
	Encoder,
	FrozenFeeds,
	globalNorm,
	loraA,
	loraB,
	MeasuredGraph,
	type ParameterSpec,
	sizeOf,
	type TrainingText,
} from "./index.js";
import { baseFeeds, buildEmbedGraph, COMPUTE_MODES, packBase, poolStates, TextRows } from "./inference/index.js";
import { architectureGolden, FIXTURE_MODELS, goldenVectors, writeArchitecture, writePeftAdapter } from "./testing/architecture.js";
import { seededParameter } from "./testing/params.js";

const SESSION = { device: chooseDevice((process.env.DAK_TEST_DEVICE ?? "cpu") as WantedDevice), threads: 2, memory: "lean" } as const;

/** Largest difference of an element. */
function gap(found: Float32Array, expected: Float32Array): number {
	expect(found.length).toBe(expected.length);
	return found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
}

function leastCosine(a: Float32Array, b: Float32Array, size: number): number {
	const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
	const rows = Array.from({ length: a.length / size }, (_, i) => [a, b].map((of) => of.subarray(i * size, (i + 1) * size)));
	return Math.min(...rows.map(([x, y]) => dot(x!, y!) / Math.sqrt(dot(x!, x!) * dot(y!, y!))));
}

describe.each(FIXTURE_MODELS)("%s", (name) => {
	const golden = architectureGolden(name);
	const folder = mkdtempSync(join(tmpdir(), "dak-architecture-"));
	const texts = golden.ids.map((ids) => Int32Array.from(ids));
	const { r, alpha } = golden.lora;
	let base: BaseModel;
	let frozen: FrozenFeeds;
	beforeAll(async () => {
		base = await openBaseModel({ ref: name, path: writeArchitecture(folder, name), source: "local" });
		frozen = new FrozenFeeds(base, { doubleQuant: true });
	});
	afterAll(() => {
		base.weights.close();
		rmSync(folder, { recursive: true });
	});
	const table = () => float32(base.weights.float32(layoutOf(base.encoder).words), [base.encoder.vocabSize, base.encoder.hiddenSize]);
	const lora = () => ({ r, alpha, targetModules: moduleNames(base.encoder) });
	const factors = () =>
		linearLayers(base.encoder).map((layer) => ({
			...layer,
			r,
			a: seededParameter(loraA(layer.path), r * layer.inFeatures, 0.05),
			b: seededParameter(loraB(layer.path), layer.outFeatures * r, 0.05),
		}));

	test("pools as its folder says, and its linear layers are those that PEFT adapts", () => {
		expect(base.pooling).toBe(golden.pooling);
		expect(
			linearLayers(base.encoder)
				.map(({ path }) => path)
				.sort(),
		).toEqual([...golden.linear_layers].sort());
	});

	test.each([
		["fp32", false, false],
		["lora", false, true],
		["nf4", true, false],
		["nf4_lora", true, true],
	] as const)("training's sentence vectors are Python's: %s", async (kind, quantized, adapted) => {
		const { encoder: config, pooling } = base;
		const encoder = await Encoder.create({ config, pooling, quantized, lora: lora() }, SESSION);
		const fed = factors().flatMap(({ path, inFeatures, outFeatures, a, b }) => [
			[loraA(path), float32(a, [r, inFeatures])],
			[loraB(path), float32(adapted ? b : new Float32Array(b.length), [outFeatures, r])],
		]);
		const found = await encoder.encode(
			texts,
			{ ...frozen.feeds(encoder.frozen), word_embeddings: table(), ...Object.fromEntries(fed) },
			200,
		);
		expect(gap(found, goldenVectors(golden, kind))).toBeLessThan(2e-5);
		await encoder.dispose();
	});

	test.each(COMPUTE_MODES)("serving gives the NF4 base's vectors, within what %s rounds", async (compute) => {
		const { encoder: config, pooling } = base;
		const packed = packBase(base, compute);
		const session = await Session.create(buildEmbedGraph(config, "none", compute, packed), { ...SESSION, memory: "fast" });
		const lengths = texts.map(({ length }) => length);
		const ids = Int32Array.from(texts.flatMap((text) => [...text]));
		for (const share of [true, false]) {
			const rows = new TextRows(lengths, share);
			const { states } = await session.run({ ...baseFeeds(packed), ...rows.feeds(ids, config.heads, packed) });
			const found = poolStates(states!.data as Float32Array, lengths, config.hiddenSize, pooling);
			if (compute === "fp32") expect(gap(found, goldenVectors(golden, "nf4"))).toBeLessThan(2e-5);
			else expect(1 - leastCosine(found, goldenVectors(golden, "nf4"), config.hiddenSize)).toBeLessThan(compute === "int8" ? 0.02 : 1e-3);
		}
		await session.dispose();
	});

	test("an exported ONNX file gives the base's states, over padding", async () => {
		const { encoder: config, pooling } = base;
		const path = join(folder, "model.onnx");
		writeFileSync(path, Buffer.concat([...exportOnnx(config, "fp32", base.weights)]));
		const session = await Session.create(path, { ...SESSION, disabledOptimizers: [] });
		const longest = Math.max(...texts.map(({ length }) => length));
		const [ids, mask] = [config.padTokenId, 0].map((fill) => new BigInt64Array(texts.length * longest).fill(BigInt(fill))) as [
			BigInt64Array,
			BigInt64Array,
		];
		texts.forEach((text, row) => {
			ids.set(BigInt64Array.from(text, BigInt), row * longest);
			mask.fill(1n, row * longest, row * longest + text.length);
		});
		const shape = [texts.length, longest];
		const types = hasTokenTypes(config) ? { token_type_ids: int64(new BigInt64Array(ids.length), shape) } : {};
		const { last_hidden_state: states } = await session.run({ input_ids: int64(ids, shape), attention_mask: int64(mask, shape), ...types });
		const size = config.hiddenSize;
		const data = states!.data as Float32Array;
		const kept = Float32Array.from(
			texts.flatMap(({ length }, row) => [...data.subarray(row * longest * size, (row * longest + length) * size)]),
		);
		const found = poolStates(
			kept,
			texts.map(({ length }) => length),
			size,
			pooling,
		);
		expect(gap(found, goldenVectors(golden, "fp32"))).toBeLessThan(2e-5);
		await session.dispose();
	});

	test("an adapter's folder has the tensors and the target modules of PEFT's", () => {
		const out = join(folder, "adapter");
		writeAdapterFolder(out, {
			name: "a",
			r,
			alpha,
			modules: factors(),
			base: { ref: name, fingerprint: base.fingerprint, hiddenSize: base.encoder.hiddenSize, normalize: false, prompts: {} },
			tokenizerHash: "",
			dataHash: "",
			quantization: "none",
			pooling: base.pooling,
			maxLength: 16,
			maxSeqLength: base.maxSeqLength,
			settings: {},
			metrics: {},
			verdict: "unverified",
			canaries: [],
		});
		const file = openSafetensors(join(out, "adapter_model.safetensors"));
		const found = Object.fromEntries([...file.tensors].map(([key, { shape }]) => [key, shape]));
		file.close();
		expect(found).toEqual(golden.peft.tensors);
		const { target_modules: targets } = JSON.parse(readFileSync(join(out, "adapter_config.json"), "utf8")) as { target_modules: string[] };
		// PEFT adapts what ends in one of them: all of the encoder's layers, and nothing else of the model.
		const ending = Object.keys(golden.weights)
			.filter((key) => key.endsWith(".weight") && golden.weights[key]!.length === 2)
			.map((key) => key.slice(0, -".weight".length))
			.filter((path) => targets.some((target) => path === target || path.endsWith(`.${target}`)));
		expect(ending.sort()).toEqual([...golden.linear_layers].sort());
	});

	test("an adapter that PEFT wrote is read and fits", () => {
		const out = writePeftAdapter(join(folder, "peft"), golden);
		const adapter = readAdapter(out, { name: "peft", maxRank: 64 });
		const layers = new Map(linearLayers(base.encoder).map((layer) => [layer.path, layer]));
		checkAdapterFits(adapter, { fingerprint: base.fingerprint, layers });
		expect(adapter.modules).toHaveLength(layers.size);
		for (const { path, a, b } of adapter.modules) {
			const made = factors().find((layer) => layer.path === path)!;
			expect([a, b]).toEqual([made.a, made.b]);
		}
	});

	test("the memory of a step is planned with every operator known", () => {
		const { encoder: config, pooling } = base;
		const objective = { tsdae: 1, contrastive: 0.1, anchor: 30 };
		const { vocabSize } = config;
		const step = buildTrainingStep({
			config,
			pooling,
			quantized: true,
			lora: lora(),
			objective,
			embeddingRows: vocabSize,
			vocabularyRows: vocabSize,
		});
		const batch = texts.map((clean) => ({ noisy: clean.subarray(0, 3), clean, labels: clean }));
		const plan = (count: number) => new MeasuredGraph(step.model).plan(batchFeeds(batch.slice(0, count), { objective, pooling }));
		expect(plan(24).unknownOperators).toEqual([]);
		expect(plan(24).peakBytes).toBeGreaterThan(plan(4).peakBytes);
	});

	test.skipIf(!golden.tsdae).each([false, true])(
		"one TSDAE step has PyTorch's loss and gradients (layers computed twice: %s)",
		async (checkpointing) => {
			const { batch, loss, gradients } = golden.tsdae!;
			const { vocabSize } = base.encoder;
			const objective = { tsdae: 1, contrastive: 0, anchor: 0 };
			const step = buildTrainingStep({
				config: base.encoder,
				pooling: base.pooling,
				quantized: true,
				lora: lora(),
				objective,
				embeddingRows: vocabSize,
				vocabularyRows: vocabSize,
				checkpointing,
			});
			expect(step.parameters.map((spec) => spec.name).sort()).toEqual(Object.keys(gradients).sort());
			const session = await Session.create(step.model, SESSION);
			const values = step.parameters.map((spec) => [spec.name, float32(goldenValues(spec), spec.shape)]);
			const rows = batch.clean.map((ids, i): TrainingText => {
				const clean = Int32Array.from(ids);
				return { noisy: Int32Array.from(batch.noisy[i]!), clean, labels: clean };
			});
			const outputs = await session.run({
				...frozen.feeds(step.frozen),
				word_embeddings: table(),
				vocabulary: table(),
				vocabulary_bias: float32(new Float32Array(vocabSize), [vocabSize]),
				...Object.fromEntries(values),
				...batchFeeds(rows, { objective, pooling: base.pooling }),
			});
			expect(Math.abs(Number(outputs.loss!.data[0]) / loss - 1)).toBeLessThan(1e-5);
			for (const { name: parameter } of step.parameters) {
				const found = outputs[`grad.${parameter}`]!.data as Float32Array;
				const wanted = gradients[parameter]!;
				expect(Math.abs(globalNorm([found]) / wanted.norm - 1), `norm of ${parameter}`).toBeLessThan(2e-4);
				const largest = Math.max(...wanted.values.map(Math.abs));
				wanted.at.forEach((at, k) => {
					expect(Math.abs(found[at]! - wanted.values[k]!) / largest, `${parameter}[${at}]`).toBeLessThan(2e-4);
				});
			}
			await session.dispose();
		},
	);
});

/** The fixtures' own first values: weights of layer norms around 1, the rest around 0. */
function goldenValues(spec: ParameterSpec): Float32Array {
	const isNorm = spec.name.includes(".norm.");
	const values = seededParameter(spec.name, sizeOf(spec), isNorm ? 0.1 : 0.05);
	return isNorm && spec.name.endsWith(".weight") ? values.map((value) => 1 + value) : values;
}
