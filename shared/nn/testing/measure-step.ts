/**
 * Plans a training step's memory, runs it, and prints both as JSON. Run with MALLOC_MMAP_THRESHOLD_ set, so that each large buffer
 * is given back to the system when it is freed and the resident memory is what lives.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { EncoderConfig } from "../../models/index.js";
import { chooseDevice, type Feeds, float32, Session, type Tensor, uint8 } from "../../runtime/index.js";
import { batchFeeds, buildTrainingStep, initialValues, MeasuredGraph, type TrainingStep } from "../index.js";

const CONFIG: EncoderConfig = {
	architecture: "bert",
	hiddenSize: 128,
	layers: 3,
	heads: 4,
	intermediateSize: 512,
	vocabSize: 10_000,
	maxPositions: 64,
	typeVocabSize: 2,
	layerNormEps: 1e-12,
	activation: "gelu",
	padTokenId: 0,
};
const [batch, tokens] = [64, 48];
const objective = { tsdae: 1, contrastive: 0.1, anchor: 30 };

const ids = (count: number) => Int32Array.from({ length: count }, (_, i) => (i * 7919) % CONFIG.vocabSize);
const texts = Array.from({ length: batch }, () => ({ noisy: ids(20), clean: ids(tokens), labels: ids(tokens) }));

function weights(step: TrainingStep): Record<string, Tensor> {
	const specs = new Map(step.parameters.map((spec) => [spec.name, spec]));
	return Object.fromEntries(
		step.graph.inputs.flatMap(({ name, dtype, shape }): [string, Tensor][] => {
			if (!shape.every((d) => typeof d === "number")) return [];
			const size = (shape as number[]).reduce((n, d) => n * d, 1);
			const spec = specs.get(name);
			if (dtype === "uint8") return [[name, uint8(new Uint8Array(size).fill(0x12), shape as number[])]];
			return [[name, float32(spec ? initialValues(spec, 1) : new Float32Array(size).fill(0.01), shape as number[])]];
		}),
	);
}

const resident = (field: "VmRSS" | "VmHWM"): number =>
	Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024;

const step = buildTrainingStep({
	config: CONFIG,
	pooling: "mean",
	quantized: true,
	lora: { r: 8, alpha: 16, targetModules: ["query", "key", "value", "dense"] },
	objective,
	embeddingRows: CONFIG.vocabSize,
	vocabularyRows: CONFIG.vocabSize,
});
const batchShapes = batchFeeds(texts, { objective, pooling: "mean" });
const planned = new MeasuredGraph(step.model).plan(batchShapes);
const feeds: Feeds = { ...weights(step), ...batchShapes };
const session = await Session.create(step.model, { device: chooseDevice("cpu"), threads: 1, memory: "lean" });
const measured: number[] = [];
for (let run = 0; run < 4; run++) {
	// Resets the high-water mark.
	writeFileSync("/proc/self/clear_refs", "5");
	const before = resident("VmRSS");
	await session.run(feeds);
	measured.push(resident("VmHWM") - before);
}
console.log(JSON.stringify({ planned: planned.peakBytes, measured: Math.max(...measured), unknown: planned.unknownOperators }));
await session.dispose();
