import { expect, test } from "vitest";
import { SYNTHETIC_CONFIGS, syntheticModel } from "../models/index.js";
import { chooseDevice, float32, Session } from "../runtime/index.js";
import { batchFeeds } from "./batch.js";
import { Encoder } from "./encoder.js";
import { FrozenFeeds } from "./frozen-feeds.js";
import { initialValues } from "./parameters.js";
import { buildTrainingStep } from "./training-step.js";

const D = 64;
const base = syntheticModel("small", {
	...SYNTHETIC_CONFIGS["bert-22m"],
	hiddenSize: D,
	layers: 1,
	heads: 4,
	intermediateSize: 128,
	vocabSize: 50,
});
const texts = [Int32Array.of(1, 5, 9, 2), Int32Array.of(1, 7, 2), Int32Array.of(1, 30, 31, 32, 2)];
const lora = { r: 2, alpha: 4, targetModules: ["query" as const] };
const device = { device: chooseDevice("cpu"), threads: 1, memory: "lean" } as const;
const frozen = new FrozenFeeds(base, { doubleQuant: true });
const word_embeddings = float32(base.weights.float32("embeddings.word_embeddings.weight"), [50, D]);

const unit = (v: readonly number[]) => v.map((x) => x / Math.hypot(...v));
const cosine = (a: readonly number[], b: readonly number[]) => unit(a).reduce((sum, x, i) => sum + x * unit(b)[i]!, 0);

test("the anchor's target is the cosines of the base's vectors of length 1 behind the map, on the line", async () => {
	const options = { config: base.encoder, pooling: "mean", quantized: true, lora } as const;
	const encoder = await Encoder.create(options, device);
	const specs = encoder.frozen;
	const objective = { tsdae: 0, contrastive: 0, anchor: 1 };
	const step = buildTrainingStep({ ...options, objective, anchorTransformed: true, embeddingRows: 50, vocabularyRows: 50 });
	// The second factors are zero at first, so that both encoders give the same vectors.
	const parameters = Object.fromEntries(step.parameters.map((spec) => [spec.name, float32(initialValues(spec, 1), spec.shape)]));
	const vectors = await encoder.encode(texts, { ...frozen.feeds(specs), ...parameters, word_embeddings });
	await encoder.dispose();
	const b = texts.map((_, i) => [...vectors.subarray(i * D, (i + 1) * D)]);

	const mean = Float32Array.from({ length: D }, (_, i) => 0.05 * Math.sin(i));
	const matrix = Float32Array.from({ length: D * D }, (_, i) => Math.cos(i * 1.7));
	const mapped = b.map((v) => {
		const centred = unit(v).map((x, k) => x - mean[k]!);
		return Array.from({ length: D }, (_, n) => centred.reduce((sum, x, k) => sum + x * matrix[n * D + k]!, 0));
	});
	let expected = 0;
	for (let i = 0; i < 3; i++)
		for (let j = 0; j < 3; j++) if (i !== j) expected += (cosine(b[i]!, b[j]!) - (0.5 * cosine(mapped[i]!, mapped[j]!) + 0.1)) ** 2 / 6;

	const session = await Session.create(step.model, device);
	const batch = batchFeeds(
		texts.map((ids) => ({ noisy: ids, clean: ids, labels: ids })),
		{ objective, pooling: "mean" },
	);
	const map = {
		"anchor.mean": float32(mean, [D]),
		"anchor.transform": float32(matrix, [D, D]),
		"anchor.scale": float32(Float32Array.of(0.5), []),
		"anchor.shift": float32(Float32Array.of(0.1), []),
	};
	const outputs = await session.run({ ...frozen.feeds(step.frozen), ...parameters, word_embeddings, ...batch, ...map });
	await session.dispose();
	expect(expected).toBeGreaterThan(0.01);
	expect(Number(outputs["loss.anchor"]!.data[0])).toBeCloseTo(expected, 5);
});
