/** Ten steps of the real model with their updates on the chosen device, against PyTorch's (tests/fixtures/golden). */
import { readFileSync } from "node:fs";
import { AdamW, batchFeeds, buildTrainingStep, DeviceSteps, FrozenFeeds, globalNorm, learningRateFactor, sizeOf } from "@dak/shared/nn";
import { float32 } from "@dak/shared/runtime";
import { expect, test } from "vitest";
import { openTestModel } from "../../shared/nn/testing/base-model.js";
import { seededParameter } from "../../shared/nn/testing/params.js";
import { DEVICE, ON_DEVICE, SOFTWARE, TIMEOUT_MS, TOLERANCE } from "./device.js";
import { ALL_LOSSES } from "./step.js";

interface Fixture {
	readonly batches: readonly { readonly noisy: readonly number[][]; readonly clean: readonly number[][] }[];
	readonly curves: readonly {
		readonly name: string;
		readonly losses: readonly number[];
		readonly gradient_norms: readonly number[];
		readonly parameters: Readonly<Record<string, { readonly norm: number }>>;
	}[];
	readonly epsilon: number;
	readonly weight_decay: number;
	readonly max_grad_norm: number;
	readonly lora_b_scale: number;
}

const file = new URL("../fixtures/golden/adamw-curve.json", import.meta.url);
const fixture = JSON.parse(readFileSync(file, "utf8")) as Fixture;
const curve = fixture.curves.find(({ name }) => name === "total, vocab bias frozen")!;
const LORA = { r: 4, alpha: 8, targetModules: ["query", "key", "value", "dense"] };

// The whole model over its whole vocabulary takes a software driver ten minutes.
test.skipIf(SOFTWARE)(`on ${DEVICE.kind}, ten steps of all-MiniLM-L6-v2 follow PyTorch's`, { timeout: TIMEOUT_MS }, async () => {
	const base = await openTestModel();
	const { encoder: config } = base;
	const step = buildTrainingStep({
		config,
		pooling: "mean",
		quantized: true,
		lora: LORA,
		objective: ALL_LOSSES,
		embeddingRows: config.vocabSize,
		vocabularyRows: config.vocabSize,
	});
	const values = step.parameters.map((spec) => {
		const norm = spec.name.includes(".norm.");
		const scale = spec.name.endsWith(".lora_B") ? fixture.lora_b_scale : norm ? 0.1 : 0.05;
		return seededParameter(spec.name, sizeOf(spec), scale).map((value) => (norm && spec.name.endsWith(".weight") ? 1 + value : value));
	});
	const optimizer = new AdamW(values, { beta1: 0.9, beta2: 0.999, epsilon: fixture.epsilon, weightDecay: fixture.weight_decay });
	const table = float32(base.weights.float32("embeddings.word_embeddings.weight"), [config.vocabSize, config.hiddenSize]);
	const constants = {
		...new FrozenFeeds(base, { doubleQuant: true }).feeds(step.frozen),
		word_embeddings: table,
		vocabulary: table,
		vocabulary_bias: float32(seededParameter("head.vocab_bias", config.vocabSize, 0.05), [config.vocabSize]),
	};
	const device = await DeviceSteps.create(step, { session: ON_DEVICE, constants, optimizer, maxGradNorm: fixture.max_grad_norm });
	const numbers = await device.run(
		fixture.batches.map(({ noisy, clean }, t) => {
			const texts = clean.map((ids, i) => ({
				noisy: Int32Array.from(noisy[i]!),
				clean: Int32Array.from(ids),
				labels: Int32Array.from(ids),
			}));
			const factor = learningRateFactor(t, { scheduler: "linear", warmupSteps: 2, totalSteps: 10 });
			return {
				feeds: batchFeeds(texts, { objective: ALL_LOSSES, pooling: "mean" }),
				rates: { lora: 3e-4 * factor, decoder: 1e-3 * factor },
			};
		}),
	);
	await device.sync();
	await device.dispose();
	base.weights.close();
	numbers.forEach(({ loss, gradNorm }, t) => {
		expect(Math.abs(loss / curve.losses[t]! - 1), `loss of step ${t}`).toBeLessThan(TOLERANCE.curve);
		expect(Math.abs(gradNorm / curve.gradient_norms[t]! - 1), `gradient norm of step ${t}`).toBeLessThan(10 * TOLERANCE.curve);
	});
	step.parameters.forEach(({ name }, i) => {
		const wanted = curve.parameters[name];
		if (wanted) expect(Math.abs(globalNorm([values[i]!]) / wanted.norm - 1), name).toBeLessThan(TOLERANCE.trained);
	});
});
