import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createEmbedMetrics, createTrainMetrics, GpuMonitor, parseGpuCsv } from "./index.js";

/** The names of the contract. */
const TRAIN = `dak_train_jobs_total dak_train_steps_total dak_train_tokens_total dak_train_sentences_total dak_train_loss
	dak_train_tokens_per_second dak_train_step_seconds dak_train_queue_depth dak_train_memory_peak_bytes`;
const EMBED = `dak_embed_requests_total dak_embed_texts_total dak_embed_tokens_total dak_embed_request_seconds dak_embed_queue_seconds
	dak_embed_tokenize_seconds dak_embed_inference_seconds dak_embed_batch_texts dak_embed_batch_tokens dak_embed_queue_texts
	dak_embed_queue_tokens dak_adapter_loaded dak_adapter_loads_total dak_adapter_load_seconds dak_adapter_evictions_total`;
const BOTH = "dak_gpu_memory_used_bytes dak_gpu_memory_total_bytes dak_gpu_utilization_ratio process_resident_memory_bytes";

describe("the metrics of a service", () => {
	it.each([
		["train-service", createTrainMetrics, TRAIN],
		["embed-service", createEmbedMetrics, EMBED],
	])("%s have the names of the contract, a type and a help each", async (_, create, names) => {
		const text = await create().registry.metrics();
		for (const name of `${names} ${BOTH}`.split(/\s+/)) {
			expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, "m"));
			expect(text).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, "m"));
		}
	});

	it("live in a registry of their own, so that two services fit in one process", async () => {
		const [first, second] = [createTrainMetrics(), createTrainMetrics()];
		first.steps.inc(5);
		expect(await second.registry.metrics()).toContain("dak_train_steps_total 0");
	});

	it("show no loss before the first step, and every job state from the start", async () => {
		const text = await createTrainMetrics().registry.metrics();
		expect(text).toMatch(/^dak_train_loss nan$/im);
		for (const state of ["queued", "succeeded", "failed", "interrupted"])
			expect(text).toContain(`dak_train_jobs_total{state="${state}"} 0`);
		expect(text).not.toContain("unspecified");
	});

	it("give the first adapters series of their own and let the rest share one", async () => {
		const metrics = createEmbedMetrics({ maxAdapterLabels: 2 });
		const use = { requests: 1, texts: 2, tokens: 3 };
		for (const name of ["a", "b", "c", "d", "a", "other", undefined]) metrics.countAdapter(name, use);
		const text = await metrics.registry.metrics();
		const counts = [...text.matchAll(/^dak_adapter_texts_total\{adapter="(\w+)"\} (\d+)$/gm)].map(([, name, count]) => [
			name,
			Number(count),
		]);
		expect(Object.fromEntries(counts)).toEqual({ a: 4, b: 2, other: 6, base: 2 });
	});

	it("forget an unloaded adapter and give its place to the next", async () => {
		const metrics = createEmbedMetrics({ maxAdapterLabels: 1 });
		const use = { requests: 1, texts: 1, tokens: 1 };
		metrics.countAdapter("a", use);
		metrics.forgetAdapter("a");
		metrics.forgetAdapter("never seen");
		metrics.countAdapter("b", use);
		const text = await metrics.registry.metrics();
		expect(text).not.toContain('adapter="a"');
		expect(text).toContain('dak_adapter_requests_total{adapter="b"} 1');
	});
});

/** A program in nvidia-smi's place. */
function command(script: string): string {
	const folder = mkdtempSync(join(tmpdir(), "dak-gpu-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const path = join(folder, "smi");
	writeFileSync(path, `#!/bin/sh\n${script}\n`);
	chmodSync(path, 0o755);
	return path;
}

describe("the GPU monitor", () => {
	it("reads nvidia-smi's CSV, and leaves out what a card does not report", () => {
		expect(parseGpuCsv("1024, 81559, 37\n[N/A], [N/A], [N/A]\n10, 20, [Not Supported]\n")).toEqual([
			{ index: 0, memoryUsedBytes: 2 ** 30, memoryTotalBytes: 81559 * 2 ** 20, utilization: 0.37 },
			{ index: 2, memoryUsedBytes: 10 * 2 ** 20, memoryTotalBytes: 20 * 2 ** 20, utilization: undefined },
		]);
	});

	it("fills the metrics of each GPU", async () => {
		const metrics = createTrainMetrics();
		const monitor = new GpuMonitor(metrics, { command: command("printf '512, 1024, 50\\n0, 1024, 0\\n'") });
		await monitor.start(60_000);
		monitor.stop();
		const text = await metrics.registry.metrics();
		expect(text).toContain(`dak_gpu_memory_used_bytes{gpu="0"} ${2 ** 29}`);
		expect(text).toContain(`dak_gpu_memory_total_bytes{gpu="1"} ${2 ** 30}`);
		expect(text).toContain('dak_gpu_utilization_ratio{gpu="0"} 0.5');
		expect(monitor.readings).toHaveLength(2);
	});

	it.each([
		["is not installed", () => "/nonexistent/nvidia-smi"],
		["fails", () => command("echo broken; exit 9")],
	])("does nothing where nvidia-smi %s", async (_, path) => {
		const metrics = createTrainMetrics();
		const monitor = new GpuMonitor(metrics, { command: path() });
		await monitor.start();
		monitor.stop();
		expect(monitor.readings).toEqual([]);
		expect(await metrics.registry.metrics()).not.toMatch(/^dak_gpu/m);
	});
});
