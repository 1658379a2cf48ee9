/** Every architecture the whole way, on a tiny model: served as Python has it, trained by a job, and the job's adapter served. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AdapterManifest } from "@dak/shared/adapters";
import { trainingProcess } from "@dak/train-service/training";
import { expect, onTestFinished, test } from "vitest";
import { collect, scratchFolder, startService } from "../../services/train-service/testing/index.js";
import {
	type ArchitectureGolden,
	architectureGolden,
	FIXTURE_MODELS,
	goldenVectors,
	writeArchitecture,
	writePeftAdapter,
} from "../../shared/nn/testing/architecture.js";
import { type EmbedTestService, launchEmbedService } from "../contract/embed-service.setup.js";

const SIZE = 64;

async function embed(service: EmbedTestService, inputs: readonly string[], adapter?: string): Promise<number[][]> {
	const response = await service.post("/embed", { inputs, ...(adapter === undefined ? {} : { adapter }) });
	expect(response.status, await response.clone().text()).toBe(200);
	return (await response.json()) as number[][];
}

/** Largest difference of an element between vectors of length 1. */
function gap(found: readonly number[][], expected: readonly (readonly number[])[]): number {
	const unit = (row: readonly number[]) => row.map((value) => value / Math.hypot(...row));
	return Math.max(...found.flatMap((row, i) => unit(expected[i]!).map((value, d) => Math.abs(value - row[d]!))));
}

/** Texts that no limit cuts, with Python's vectors for them. */
function whole(golden: ArchitectureGolden, kind: "nf4" | "nf4_lora") {
	const rows = golden.ids.flatMap((ids, i) => (ids.length < SIZE ? [i] : []));
	const vectors = goldenVectors(golden, kind);
	return {
		texts: rows.map((i) => golden.texts[i]!),
		vectors: rows.map((i) => Array.from(vectors.subarray(i * SIZE, (i + 1) * SIZE))),
	};
}

test.each(FIXTURE_MODELS)(
	"%s: Python's vectors, a job, and its adapter served",
	async (name) => {
		const golden = architectureGolden(name);
		const models = scratchFolder();
		writeArchitecture(join(models, name), name, { shards: name === "qwen3" ? 2 : 1 });
		const environment = { DAK_MODELS_DIR: models, DAK_THREADS: "1", DAK_ARTIFACTS: scratchFolder() };
		const service = await launchEmbedService({ ...environment, DAK_BASE_MODEL: name }, (root) => {
			writePeftAdapter(join(root, "peft"), golden);
		});
		onTestFinished(service.stop);

		const base = whole(golden, "nf4");
		expect(gap(await embed(service, base.texts), base.vectors)).toBeLessThan(1e-4);
		const loaded = await service.post("/v1/adapters", { name: "peft", source: { path: "peft" } });
		expect(loaded.status, await loaded.text()).toBeLessThan(300);
		expect(gap(await embed(service, base.texts, "peft"), whole(golden, "nf4_lora").vectors)).toBeLessThan(1e-4);

		const train = await startService(scratchFolder(), environment, trainingProcess());
		const { id } = await train.create({
			base_model: name,
			dataset: { texts: golden.texts },
			adapter_name: "trained",
			max_length: 32,
			lora: { r: 4 },
			training: { max_steps: 3, batch_size: 4, learning_rate: 1e-2 },
			output: { merged_model: true, onnx: true },
		});
		// The events end with the job, however long it takes.
		await collect(train.events(id));
		const job = await train.get(id);
		expect(job, JSON.stringify(job.error)).toMatchObject({ state: "succeeded" });
		const folder = join(train.config.artifactsDir, job.adapter_path!);
		const report = (await (await fetch(`${train.url}/v1/jobs/${id}/report`)).json()) as {
			outputs: { merged_model: { max_difference: number }; onnx: Record<"fp32" | "int8", { max_difference: number; min_cosine: number }> };
		};
		expect(report.outputs.merged_model.max_difference).toBeLessThan(1e-4);
		expect(report.outputs.onnx.fp32.max_difference).toBeLessThan(1e-4);
		expect(report.outputs.onnx.int8.min_cosine).toBeGreaterThan(0.99);

		// A finished job's adapter appears by itself; its canaries are compared when it is loaded.
		const { canaries } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as AdapterManifest;
		const texts = canaries.map(({ text }) => text);
		await expect
			.poll(async () => (await service.post("/embed", { inputs: texts, adapter: "trained" })).status, { timeout: 20_000 })
			.toBe(200);
		const trained = await embed(service, texts, "trained");
		expect(
			gap(
				trained,
				canaries.map(({ embedding }) => embedding),
			),
		).toBeLessThan(1e-4);
		expect(gap(trained, await embed(service, texts))).toBeGreaterThan(1e-3);
	},
	120_000,
);
