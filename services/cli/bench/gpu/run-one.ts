/**
 * Trains one synthetic model on one device and prints one JSON line. A process of its own: what it holds of the device's
 * memory is its alone, and a driver that crashes or hangs ends no other measurement.
 */
import { parseArgs } from "node:util";
import { SYNTHETIC_CONFIGS, syntheticModel } from "@dak/shared/models";
import { FrozenFeeds, sizeOf } from "@dak/shared/nn";
import { peakRssBytes } from "@dak/shared/observability";
import { chooseDevice, type DeviceKind } from "@dak/shared/runtime";
import { jobSettingsSchema } from "@dak/train-service/jobs";
import { TextSource, Trainer } from "@dak/train-service/training";
import { randomTexts, wordTokenizer } from "./words.js";

const names = ["model", "device", "batch", "length", "rank", "steps", "warmup", "threads"] as const;

async function main(): Promise<object> {
	const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
	const values = parseArgs({ options }).values as Record<(typeof names)[number], string>;
	const [batch, length, rank, steps, warmup, threads] = [
		values.batch,
		values.length,
		values.rank,
		values.steps,
		values.warmup,
		values.threads,
	].map(Number) as [number, number, number, number, number, number];
	const base = syntheticModel(values.model, SYNTHETIC_CONFIGS[values.model as keyof typeof SYNTHETIC_CONFIGS]);
	const objective = { tsdae: 1, contrastive: 0, anchor: 0, anchor_whitening: 0, output_whitening: 0 };
	const parsed = jobSettingsSchema.parse({
		base_model: values.model,
		dataset: { texts: ["synthetic"] },
		objective,
		max_length: length,
		lora: { r: rank },
		training: { batch_size: batch, learning_rate: 1e-4, max_steps: steps + warmup, warmup: 0, scheduler: "constant", vocabulary: "full" },
	});
	const settings = { ...parsed, objective };
	const texts = new TextSource(randomTexts(batch * (steps + warmup), length, base.encoder.vocabSize), {
		tokenizer: wordTokenizer(base.encoder.vocabSize),
		maxLength: length,
		prompt: "",
		noise: settings.noise,
		seed: settings.training.seed,
	});
	const frozen = new FrozenFeeds(base, { doubleQuant: true });
	const device = chooseDevice(values.device as DeviceKind);
	const trainer = await Trainer.create({ base, frozen, pooling: "mean", settings, texts, device, threads });
	const loss: number[] = [];
	let [seconds, tokens] = [0, 0];
	for (let i = 0; i < warmup + steps; i++) {
		const step = await trainer.next();
		loss.push(Number(step.loss.toFixed(4)));
		if (i < warmup) continue;
		seconds += step.seconds;
		tokens += step.tokens;
	}
	const trainable = trainer.specs.reduce((n, spec) => n + sizeOf(spec), 0);
	await trainer.dispose();
	return {
		step_ms: Number(((1000 * seconds) / steps).toFixed(1)),
		sentences_per_second: Number(((steps * batch) / seconds).toFixed(1)),
		tokens_per_second: Number((tokens / seconds).toFixed(1)),
		trainable,
		peak_rss_mb: Math.round(peakRssBytes() / 2 ** 20),
		loss: [loss[0], loss.at(-1)],
	};
}

console.log(JSON.stringify(await main()));
