import { join } from "node:path";
import { type BaseModel, openBaseModel } from "@dak/shared/models";
import { FrozenFeeds } from "@dak/shared/nn";
import { chooseDevice } from "@dak/shared/runtime";
import { loadTokenizer } from "@dak/shared/tokenization";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jobSettingsSchema } from "../jobs/index.js";
import { TextSource, Trainer } from "./index.js";

const TEXTS = ["cordless drill kit 18 V", "ceramic mug, matte blue", "USB-C charging cable 2 m braided", "wool hiking socks size 38"];
const settings = jobSettingsSchema.parse({
	base_model: "all-MiniLM-L6-v2",
	dataset: { texts: TEXTS },
	training: { max_steps: 10, batch_size: 2, learning_rate: 1e-3, warmup: 0.2, weight_decay: 0.01 },
});

let base: BaseModel;
let texts: TextSource;
beforeAll(async () => {
	const path = join(process.env.DAK_TEST_MODELS!, "all-MiniLM-L6-v2");
	base = await openBaseModel({ ref: "all-MiniLM-L6-v2", path, source: "local" });
	const options = { tokenizer: await loadTokenizer(path), maxLength: 32, prompt: "", noise: settings.noise, seed: 7 };
	texts = new TextSource(TEXTS, options);
});
afterAll(() => base.weights.close());

async function trained(stateOnDevice: boolean) {
	const frozen = new FrozenFeeds(base, { doubleQuant: true });
	const device = chooseDevice("cpu");
	const trainer = await Trainer.create({ base, frozen, pooling: "mean", settings, texts, device, threads: 2, stateOnDevice });
	const steps = [];
	while (!trainer.done) steps.push(await trainer.next());
	await trainer.dispose();
	return { steps, values: trainer.values };
}

test("a run whose state stays on the device reports the same steps and ends with the same factors", async () => {
	const host = await trained(false);
	const device = await trained(true);
	expect(device.steps.map(({ step }) => step)).toEqual(host.steps.map(({ step }) => step));
	device.steps.forEach(({ loss, gradNorm, learningRate, tokens }, i) => {
		const wanted = host.steps[i]!;
		expect({ learningRate, tokens }).toEqual({ learningRate: wanted.learningRate, tokens: wanted.tokens });
		expect(Math.abs(loss / wanted.loss - 1)).toBeLessThan(1e-4);
		expect(Math.abs(gradNorm / wanted.gradNorm - 1)).toBeLessThan(1e-3);
	});
	expect(host.steps.at(-1)!.loss).toBeLessThan(host.steps[0]!.loss);
	device.values.forEach((values, i) => {
		const largest = host.values[i]!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
		values.forEach((value, j) => {
			if (Math.abs(value - host.values[i]![j]!) > 5e-3 * largest) expect(value).toBe(host.values[i]![j]);
		});
	});
});
