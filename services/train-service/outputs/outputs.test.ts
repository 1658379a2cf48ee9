/** A job's merged model and ONNX files, written by the real training process and read by what will read them. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Adapter, readAdapter } from "@dak/shared/adapters";
import { unitVectors } from "@dak/shared/evaluation";
import { type BaseModel, linearLayers, openBaseModel } from "@dak/shared/models";
import { Encoder, FrozenFeeds } from "@dak/shared/nn";
import { baseFeeds, buildEmbedGraph, loraAInput, loraBInput, packBase, poolStates, RANK_BLOCK, TextRows } from "@dak/shared/nn/inference";
import { chooseDevice, float32, Session } from "@dak/shared/runtime";
import { loadTokenizer } from "@dak/shared/tokenization";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SMALL_TEXTS } from "../testing/small-base.js";
import { TrainingBench } from "../testing/training-bench.js";
import { onnxVectors } from "./onnx-vectors.js";

const SESSION = { device: chooseDevice("cpu"), threads: 1, memory: "lean" } as const;
const folder = mkdtempSync(join(tmpdir(), "dak-outputs-"));
const bench = new TrainingBench(folder, {
	max_length: 16,
	training: { max_steps: 8, batch_size: 8, learning_rate: 0.02 },
	lora: { r: 4 },
	output: { merged_model: true, onnx: true },
});
const output = (path: string) => join(bench.outputDir, path);
let texts: Int32Array[];
let served: Float32Array;

/** What embed-service's graph gives for the adapter. @shape → [B,D], unit vectors */
async function servedVectors(base: BaseModel, adapter: Adapter): Promise<Float32Array> {
	const packed = packBase(base, "fp32");
	const session = await Session.create(buildEmbedGraph(base.encoder, "one", "fp32", packed), SESSION);
	const lengths = texts.map(({ length }) => length);
	const factors = linearLayers(base.encoder).flatMap(({ path, inFeatures, outFeatures }) => {
		const { a, b, r } = adapter.modules.find((module) => module.path === path)!;
		// The graph takes ranks in blocks: rows that are not there are zero.
		const blocks = Math.ceil(r / RANK_BLOCK);
		const rows = blocks * RANK_BLOCK;
		const padded = new Float32Array(rows * inFeatures);
		padded.set(a);
		const flipped = Float32Array.from({ length: rows * outFeatures }, (_, i) => {
			const [row, column] = [Math.floor(i / outFeatures), i % outFeatures];
			return row < r ? adapter.scale * b[column * r + row]! : 0;
		});
		return [
			[loraAInput(path), float32(padded, [blocks, RANK_BLOCK, inFeatures])],
			[loraBInput(path), float32(flipped, [rows, outFeatures])],
		];
	});
	const { states } = await session.run({
		...baseFeeds(packed),
		...Object.fromEntries(factors),
		...new TextRows(lengths).feeds(Int32Array.from(texts.flatMap((ids) => [...ids])), base.encoder.heads, packed),
	});
	await session.dispose();
	const vectors = poolStates(states!.data as Float32Array, lengths, base.encoder.hiddenSize, "mean");
	return unitVectors(vectors, base.encoder.hiddenSize).data;
}

const open = (path: string) => openBaseModel({ ref: path, path, source: "local" });
const largestGap = (a: Float32Array, b: Float32Array) => a.reduce((gap, value, i) => Math.max(gap, Math.abs(value - b[i]!)), 0);

beforeAll(async () => {
	expect((await bench.start()).outcome).toMatchObject({ kind: "done" });
	const base = await open(bench.modelPath);
	const tokenizer = await loadTokenizer(bench.modelPath);
	texts = SMALL_TEXTS.slice(0, 12).map((text) => tokenizer.encode(text, { maxLength: 32 }));
	served = await servedVectors(base, readAdapter(bench.outputDir, { name: "test", maxRank: 64 }));
	base.weights.close();
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("outputs of a job", () => {
	it("merged: the folder opened as a base model gives serving's vectors", async () => {
		const merged = await open(output("merged_model"));
		const encoder = await Encoder.create(
			{ config: merged.encoder, pooling: merged.pooling, quantized: false, lora: { r: 1, alpha: 1, targetModules: [] } },
			SESSION,
		);
		const word_embeddings = float32(merged.weights.float32("embeddings.word_embeddings.weight"), [
			merged.encoder.vocabSize,
			merged.encoder.hiddenSize,
		]);
		const feeds = { ...new FrozenFeeds(merged, { doubleQuant: false }).feeds(encoder.frozen), word_embeddings };
		const vectors = unitVectors(await encoder.encode(texts, feeds), merged.encoder.hiddenSize).data;
		await encoder.dispose();
		merged.weights.close();
		expect(largestGap(vectors, served)).toBeLessThan(1e-5);
	});

	it("onnx: onnxruntime gives serving's vectors, with 8-bit weights nearly", async () => {
		const options = { pooling: "mean", padTokenId: 0, tokenTypes: true, dimension: 32, ...SESSION } as const;
		expect(largestGap(await onnxVectors(output("onnx/onnx/model.onnx"), texts, options), served)).toBeLessThan(1e-5);
		const gap = largestGap(await onnxVectors(output("onnx/onnx/model_quantized.onnx"), texts, options), served);
		expect(gap).toBeGreaterThan(1e-5);
		expect(gap).toBeLessThan(0.05);
	});

	it("says in report, manifest and cards how near they are", () => {
		const report = JSON.parse(readFileSync(output("report.json"), "utf8"));
		const manifest = JSON.parse(readFileSync(output("manifest.json"), "utf8"));
		expect(report.outputs.merged_model.mean_cosine).toBeGreaterThan(0.99999);
		expect(report.outputs.onnx.fp32.min_cosine).toBeGreaterThan(0.99999);
		expect(report.outputs.onnx.int8.mean_cosine).toBeGreaterThan(0.99);
		expect(manifest.metrics.outputs).toEqual(report.outputs);
		for (const path of ["README.md", "merged_model/README.md", "onnx/README.md"])
			expect(readFileSync(output(path), "utf8")).toMatch(/## Data[\s\S]*## Measured[\s\S]*## Settings[\s\S]*## Limits/);
	});

	it("carries tokenizer, pooling and configuration in both folders", () => {
		for (const name of ["merged_model", "onnx"]) {
			for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json", "modules.json", "1_Pooling/config.json"])
				expect(existsSync(output(join(name, file))), `${name}/${file}`).toBe(true);
			expect(JSON.parse(readFileSync(output(join(name, "config_sentence_transformers.json")), "utf8"))).toHaveProperty("prompts");
		}
	});
});
