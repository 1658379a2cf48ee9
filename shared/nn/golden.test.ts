/** Our step against PyTorch, PEFT and sentence-transformers on real weights (tests/fixtures/golden has the generators). */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BaseModel, linearLayers } from "../models/index.js";
import { chooseDevice, type Feeds, float32, Session, type WantedDevice } from "../runtime/index.js";
import {
	AdamW,
	batchFeeds,
	buildTrainingStep,
	clipScale,
	Encoder,
	FrozenFeeds,
	globalNorm,
	learningRateFactor,
	loraA,
	loraB,
	type Objective,
	type ParameterSpec,
	sizeOf,
	type TrainingStep,
	type TrainingText,
} from "./index.js";
import { openTestModel } from "./testing/base-model.js";
import { seededParameter } from "./testing/params.js";

interface GoldenTensor {
	readonly norm: number;
	readonly at: readonly number[];
	readonly values: readonly number[];
}
type GoldenTensors = Readonly<Record<string, GoldenTensor>>;

const golden = (name: string) => JSON.parse(readFileSync(new URL(`../../tests/fixtures/golden/${name}.json`, import.meta.url), "utf8"));
const LORA = { r: 4, alpha: 8, targetModules: ["query", "key", "value", "dense"] };
const SESSION = { device: chooseDevice((process.env.DAK_TEST_DEVICE ?? "cpu") as WantedDevice), threads: 2, memory: "lean" } as const;
const ONLY_TSDAE: Objective = { tsdae: 1, contrastive: 0, anchor: 0 };

let base: BaseModel;
let frozen: FrozenFeeds;
let table: Float32Array;
beforeAll(async () => {
	base = await openTestModel();
	frozen = new FrozenFeeds(base, { doubleQuant: true });
	table = base.weights.float32("embeddings.word_embeddings.weight");
});
afterAll(() => base.weights.close());

/** The fixtures' own first values: weights of layer norms around 1, the rest around 0. */
function goldenValues(spec: Pick<ParameterSpec, "name" | "shape">, loraBScale = 0.05): Float32Array {
	const { name, shape } = spec;
	const isNorm = name.includes(".norm.");
	const scale = name.endsWith(".lora_B") ? loraBScale : isNorm ? 0.1 : 0.05;
	const values = seededParameter(name, sizeOf(spec as ParameterSpec), scale);
	return isNorm && name.endsWith(".weight") && shape.length === 1 ? values.map((value) => 1 + value) : values;
}

const toTexts = (batch: { noisy: number[][]; clean: number[][] }): TrainingText[] =>
	batch.clean.map((ids, i) => ({ noisy: Int32Array.from(batch.noisy[i]!), clean: Int32Array.from(ids), labels: Int32Array.from(ids) }));

class GoldenStep {
	private constructor(
		readonly step: TrainingStep,
		private readonly session: Session,
		private readonly objective: Objective,
		readonly values: readonly Float32Array[],
		private readonly vocabulary: Feeds,
	) {}

	static async create(objective: Objective, loraBScale?: number, rows?: readonly number[]): Promise<GoldenStep> {
		const { vocabSize, hiddenSize } = base.encoder;
		const step = buildTrainingStep({
			config: base.encoder,
			pooling: "mean",
			quantized: true,
			lora: LORA,
			objective,
			embeddingRows: vocabSize,
			vocabularyRows: rows?.length ?? vocabSize,
		});
		const values = step.parameters.map((spec) => goldenValues(spec, loraBScale));
		const bias = seededParameter("head.vocab_bias", vocabSize, 0.05);
		const all = rows ?? Array.from({ length: vocabSize }, (_, i) => i);
		const selected = Float32Array.from(
			{ length: all.length * hiddenSize },
			(_, i) => table[all[Math.floor(i / hiddenSize)]! * hiddenSize + (i % hiddenSize)]!,
		);
		const vocabulary = {
			vocabulary: float32(selected, [all.length, hiddenSize]),
			vocabulary_bias: float32(
				Float32Array.from(all, (id) => bias[id]!),
				[all.length],
			),
		};
		return new GoldenStep(step, await Session.create(step.model, SESSION), objective, values, objective.tsdae > 0 ? vocabulary : {});
	}

	async run(texts: readonly TrainingText[]) {
		const outputs = await this.session.run({
			...frozen.feeds(this.step.frozen),
			word_embeddings: float32(table, [base.encoder.vocabSize, base.encoder.hiddenSize]),
			...this.vocabulary,
			...Object.fromEntries(this.step.parameters.map((spec, i) => [spec.name, float32(this.values[i]!, spec.shape)])),
			...batchFeeds(texts, { objective: this.objective, pooling: "mean" }),
		});
		const gradients = this.step.parameters.map(({ name }) => outputs[`grad.${name}`]!.data as Float32Array);
		return { loss: Number(outputs.loss!.data[0]), gradients };
	}

	dispose(): Promise<void> {
		return this.session.dispose();
	}
}

/** Largest difference of sampled elements over the tensor's largest sampled element. */
function compareTensors(specs: readonly ParameterSpec[], found: readonly Float32Array[], expected: GoldenTensors, tolerance: number): void {
	const names = new Set(specs.map(({ name }) => name));
	for (const name of Object.keys(expected)) if (name !== "head.vocab_bias") expect(names).toContain(name);
	specs.forEach(({ name }, i) => {
		const wanted = expected[name];
		if (!wanted) return;
		expect(Math.abs(globalNorm([found[i]!]) / wanted.norm - 1), `norm of ${name}`).toBeLessThan(tolerance);
		const largest = Math.max(...wanted.values.map(Math.abs));
		wanted.at.forEach((at, k) => {
			expect(Math.abs(found[i]![at]! - wanted.values[k]!) / largest, `${name}[${at}]`).toBeLessThan(tolerance);
		});
	});
}

describe("one TSDAE step", () => {
	const fixture = golden("tsdae-step");

	test("has PyTorch's loss and gradients over the whole vocabulary", async () => {
		const step = await GoldenStep.create(ONLY_TSDAE);
		const { loss, gradients } = await step.run(toTexts(fixture.batch));
		expect(Math.abs(loss / fixture.step.loss - 1)).toBeLessThan(1e-5);
		compareTensors(step.step.parameters, gradients, fixture.step.gradients, 1e-4);
		await step.dispose();
	});

	test("has them over a part of the vocabulary, labels and rows remapped together", async () => {
		const rows: number[] = fixture.restricted_vocabulary.vocabulary;
		const step = await GoldenStep.create(ONLY_TSDAE, undefined, rows);
		const texts = toTexts(fixture.batch).map((text) => ({ ...text, labels: text.clean.map((id) => rows.indexOf(id)) }));
		const { loss, gradients } = await step.run(texts);
		expect(Math.abs(loss / fixture.restricted_vocabulary.loss - 1)).toBeLessThan(1e-5);
		compareTensors(step.step.parameters, gradients, fixture.restricted_vocabulary.gradients, 1e-4);
		await step.dispose();
	});
});

describe("the other parts of the loss", () => {
	const fixture = golden("objectives");

	test.each([
		["contrastive", { tsdae: 0, contrastive: 1, anchor: 0 }],
		["anchor", { tsdae: 0, contrastive: 0, anchor: 1 }],
		["total", { tsdae: 1, contrastive: 0.1, anchor: 30 }],
	] as const)("%s has PyTorch's value and gradients", async (name, objective) => {
		const step = await GoldenStep.create(objective);
		const expected = fixture.objectives[name];
		const { loss, gradients } = await step.run(toTexts(fixture.batch));
		expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-4);
		compareTensors(step.step.parameters, gradients, expected.gradients, 2e-4);
		await step.dispose();
	});
});

describe("ten AdamW steps follow PyTorch's", () => {
	const fixture = golden("adamw-curve");

	test.each([
		["tsdae", ONLY_TSDAE],
		["total", { tsdae: 1, contrastive: 0.1, anchor: 30 }],
	] as const)("%s", async (name, objective) => {
		const curve = fixture.curves.find(
			(one: { name: string; trains_vocab_bias: boolean }) => one.name.startsWith(name) && !one.trains_vocab_bias,
		);
		const step = await GoldenStep.create(objective, fixture.lora_b_scale);
		const { parameters } = step.step;
		const optimizer = new AdamW(step.values, { beta1: 0.9, beta2: 0.999, epsilon: fixture.epsilon, weightDecay: fixture.weight_decay });
		for (const [t, batch] of fixture.batches.entries()) {
			const { loss, gradients } = await step.run(toTexts(batch));
			expect(Math.abs(loss / curve.losses[t] - 1), `loss of step ${t}`).toBeLessThan(1e-3);
			const norm = globalNorm(gradients);
			expect(Math.abs(norm / curve.gradient_norms[t] - 1), `gradient norm of step ${t}`).toBeLessThan(1e-2);
			const factor = learningRateFactor(t, { scheduler: "linear", warmupSteps: 2, totalSteps: 10 });
			const rates = parameters.map(({ group }) => (group === "lora" ? 3e-4 : 1e-3) * factor);
			expect(rates[0]).toBeCloseTo(fixture.learning_rates[t].lora, 9);
			optimizer.step(gradients, rates, clipScale(norm, fixture.max_grad_norm));
		}
		step.values.forEach((values, i) => {
			const wanted = curve.parameters[parameters[i]!.name];
			if (wanted) expect(Math.abs(globalNorm([values]) / wanted.norm - 1), parameters[i]!.name).toBeLessThan(1e-3);
		});
		await step.dispose();
	});
});

describe("sentence vectors equal sentence-transformers'", () => {
	const fixture = golden("encoder");
	const floats = (text: string) => new Float32Array(new Uint8Array(Buffer.from(text, "base64")).buffer);

	test.each([
		["fp32", false, 0],
		["nf4", true, 0],
		["nf4_lora", true, 0.05],
	] as const)("%s", async (name, quantized, scale) => {
		const { encoder: config } = base;
		const encoder = await Encoder.create({ config, pooling: "mean", quantized, lora: LORA }, SESSION);
		const factors = linearLayers(config).flatMap(({ path, inFeatures, outFeatures }) => [
			[loraA(path), float32(seededParameter(loraA(path), LORA.r * inFeatures, 0.05), [LORA.r, inFeatures])],
			[loraB(path), float32(seededParameter(loraB(path), LORA.r * outFeatures, scale), [outFeatures, LORA.r])],
		]);
		const feeds = {
			...frozen.feeds(encoder.frozen),
			word_embeddings: float32(table, [config.vocabSize, config.hiddenSize]),
			...Object.fromEntries(factors),
		};
		const texts = (fixture.ids as number[][]).map((ids) => Int32Array.from(ids));
		const found = await encoder.encode(texts, feeds, 64);
		const expected = floats(fixture.vectors[name].pooled);
		expect(found.length).toBe(expected.length);
		found.forEach((value, i) => {
			expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-5);
		});
		await encoder.dispose();
	});
});
