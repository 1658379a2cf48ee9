import { join } from "node:path";
import { SYNTHETIC_CONFIGS, syntheticModel } from "@dak/shared/models";
import { FrozenFeeds } from "@dak/shared/nn";
import { chooseDevice } from "@dak/shared/runtime";
import { loadTokenizer } from "@dak/shared/tokenization";
import { beforeAll, expect, test } from "vitest";
import { jobSettingsSchema } from "../jobs/index.js";
import { TextSource, Trainer } from "./index.js";

const TEXTS = ["cordless drill kit 18 V", "ceramic mug, matte blue", "USB-C charging cable 2 m braided", "wool hiking socks size 38"];
const objective = { tsdae: 1, contrastive: 0.1, anchor: 30, anchor_whitening: 0, output_whitening: 0 };
const parsed = jobSettingsSchema.parse({
	base_model: "synthetic",
	dataset: { texts: TEXTS },
	training: { max_steps: 20, batch_size: 2, learning_rate: 3e-3, warmup: 0.2, weight_decay: 0.01 },
	checkpoint: { every_steps: 12 },
});
const settings = { ...parsed, objective };
const base = syntheticModel("small", { ...SYNTHETIC_CONFIGS["bert-22m"], hiddenSize: 64, layers: 2, heads: 4, intermediateSize: 128 });

let texts: TextSource;
beforeAll(async () => {
	const tokenizer = await loadTokenizer(join(process.env.DAK_TEST_MODELS!, "all-MiniLM-L6-v2"));
	texts = new TextSource(TEXTS, { tokenizer, maxLength: 32, prompt: "", noise: settings.noise, seed: 7 });
});

function trainer(stateOnDevice: boolean): Promise<Trainer> {
	const frozen = new FrozenFeeds(base, { doubleQuant: true });
	return Trainer.create({ base, frozen, pooling: "mean", settings, texts, device: chooseDevice("cpu"), threads: 1, stateOnDevice });
}

async function finish(running: Trainer) {
	const steps = [];
	while (!running.done) steps.push(await running.next());
	await running.dispose();
	return { steps, values: running.values };
}

/** Largest difference over the largest element. */
function gap(found: Float32Array, wanted: Float32Array): number {
	const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
	return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0) / largest;
}

test("a run whose state stays on the device reports the same steps and ends with the same parameters", async () => {
	const host = await finish(await trainer(false));
	const device = await finish(await trainer(true));
	expect(host.steps.at(-1)!.loss).toBeLessThan(host.steps[0]!.loss);
	device.steps.forEach(({ step, loss, gradNorm, learningRate, tokens }, i) => {
		const wanted = host.steps[i]!;
		expect({ step, learningRate, tokens }).toEqual({ step: wanted.step, learningRate: wanted.learningRate, tokens: wanted.tokens });
		expect(Math.abs(loss / wanted.loss - 1)).toBeLessThan(1e-4);
		expect(Math.abs(gradNorm / wanted.gradNorm - 1)).toBeLessThan(1e-3);
	});
	device.values.forEach((values, i) => {
		expect(gap(values, host.values[i]!)).toBeLessThan(5e-3);
	});
});

test("it can be saved at each multiple of the checkpoints' steps, and goes on from there bit by bit", async () => {
	const first = await trainer(true);
	for (let i = 0; i < 12; i++) await first.next();
	expect(first.settled).toBe(true);
	const { tensors, ...rest } = first.state();
	const saved = { ...rest, tensors: new Map([...tensors].map(([name, { shape, values }]) => [name, { shape, values: values.slice() }])) };
	const undisturbed = await finish(first);
	const second = await trainer(true);
	// Somewhere else, and in the middle of a call where the machine is fast enough for more than one step in it.
	for (let i = 0; i < 3; i++) await second.next();
	second.restore(saved);
	const resumed = await finish(second);
	expect(resumed.steps.map(({ step }) => step)).toEqual(undisturbed.steps.map(({ step }) => step));
	expect(resumed.values).toEqual(undisturbed.values);
});
