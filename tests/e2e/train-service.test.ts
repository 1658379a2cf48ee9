/** Jobs with the real training process on the real base model, a few steps each. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createRunner } from "@dak/embed-service/engine";
import { readAdapter } from "@dak/shared/adapters";
import { loadTokenizer } from "@dak/shared/tokenization";
import type { DatasetStatistics } from "@dak/train-service/data";
import { trainingProcess } from "@dak/train-service/training";
import { expect, test } from "vitest";
import { collect, jobWith, scratchFolder, startService } from "../../services/train-service/testing/index.js";
import { openTestModel } from "../../shared/nn/testing/base-model.js";

const SMALL = { max_length: 16, training: { max_steps: 3, batch_size: 2, learning_rate: 1e-4 }, lora: { r: 4 } };

test("texts become an adapter that can be read, measured, and gone on from", async () => {
	const service = await startService(scratchFolder(), { DAK_THREADS: "1" }, trainingProcess());
	const first = await service.create(jobWith({ ...SMALL, adapter_name: "hats" }));
	const events = await collect(service.events(first.id));
	const losses = events.filter(({ event }) => event === "progress").map(({ data }) => data.loss as number);
	expect(losses).toHaveLength(3);
	for (const loss of losses) expect(loss).toBeGreaterThan(0);
	const job = await service.get(first.id);
	expect(job, JSON.stringify(job.error)).toMatchObject({ state: "succeeded", progress: { step: 3, total_steps: 3, eta_seconds: 0 } });

	const folder = join(service.config.artifactsDir, job.adapter_path!);
	const adapter = readAdapter(folder, { name: "hats", maxRank: 256 });
	expect(adapter).toMatchObject({ r: 4, scale: 2, manifest: { job_id: first.id, verdict: "unverified" } });
	expect(adapter.modules).toHaveLength(36);
	expect(adapter.modules.some(({ b }) => b.some((value) => value !== 0))).toBe(true);
	// What strangers sent as texts stays out of what is published.
	expect(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")).settings.dataset).not.toHaveProperty("texts");
	expect(await (await fetch(`${service.url}/v1/jobs/${first.id}/report`)).json()).toMatchObject({ verdict: "unverified" });

	const second = await service.create(jobWith({ ...SMALL, adapter_name: "hats", init_adapter: "hats" }));
	const next = await service.until(second.id, "succeeded", "failed");
	expect(next, JSON.stringify(next.error)).toMatchObject({ state: "succeeded" });
	expect(next.adapter_path).not.toBe(job.adapter_path);
});

test("a folder's texts are prepared, some held out, and the report tells of them", async () => {
	const service = await startService(scratchFolder(), { DAK_THREADS: "1" }, trainingProcess());
	const folder = join(service.config.dataRoot, "set");
	mkdirSync(folder, { recursive: true });
	const rows = Array.from({ length: 30 }, (_, i) => `Acme,"<b>hat</b> number ${i}"`);
	writeFileSync(join(folder, "a.csv"), `brand,title\n${rows.join("\n")}\n`);
	writeFileSync(join(folder, "b.csv.gz"), gzipSync('title,brand\n"HAT NUMBER 3!",acme\nscarf,Acme\n'));
	const { id } = await service.create(
		jobWith({
			...SMALL,
			dataset: { path: "set" },
			text_template: "{brand} {title}",
			validation: { ratio: 0.3 },
			noise: { kind: "mixture", mixture: [{ kind: "substitute" }, { kind: "truncate", ratio: 0.3 }, { kind: "typo", ratio: 0.2 }] },
		}),
	);
	const events = await collect(service.events(id));
	const job = await service.get(id);
	expect(job, JSON.stringify(job.error)).toMatchObject({ state: "succeeded" });
	const messages = events.filter(({ event }) => event === "log").map(({ data }) => String(data.message));
	expect(messages.join("\n")).toMatch(/\d+ texts, 0 duplicates and 0 blank ones left out, 1 near-duplicates; \d+ held out for validation/);
	expect(messages.join("\n")).toMatch(/31 texts are few/);
	const report = await (await fetch(`${service.url}/v1/jobs/${id}/report`)).json();
	const { dataset, validation } = report as {
		dataset: DatasetStatistics;
		validation: Record<"texts" | "loss_before" | "loss_after", number>;
	};
	expect(dataset).toMatchObject({ records: 32, near_duplicates_removed: 1, tokens: { base_model: job.spec.base_model, unknown_rate: 0 } });
	expect(dataset.texts + dataset.validation_texts).toBe(31);
	expect(validation.texts).toBe(dataset.validation_texts);
	expect(validation.loss_after).toBeLessThan(validation.loss_before);
	const [held] = events.filter(({ event, data }) => event === "evaluation" && (data.values as { name: string }).name === "validation");
	expect(held?.data.values).toMatchObject(validation);
});

test("a job for the same item whitens its vectors, serving gives what the job measured, and the report says what was chosen", async () => {
	const service = await startService(scratchFolder(), { DAK_THREADS: "1" }, trainingProcess());
	const texts = Array.from({ length: 80 }, (_, i) => `${["red", "blue", "green", "grey"][i % 4]} hat number ${i} of wool`);
	const { id } = await service.create(
		jobWith({ ...SMALL, dataset: { texts }, goal: "same_item", adapter_name: "same", output: { merged_model: true } }),
	);
	const job = await service.until(id, "succeeded", "failed");
	expect(job, JSON.stringify(job.error)).toMatchObject({ state: "succeeded" });
	const report = await (await fetch(`${service.url}/v1/jobs/${id}/report`)).json();
	expect(report).toMatchObject({
		objective: {
			goal: "same_item",
			contrastive: 0.1,
			anchor_whitening: expect.any(Number),
			output_whitening: 0.5,
			reason: expect.stringContaining("whitened"),
		},
	});

	const folder = join(service.config.artifactsDir, job.adapter_path!);
	const adapter = readAdapter(folder, { name: "same", maxRank: 256 });
	expect(adapter.dense).toMatchObject({ inFeatures: 384, outFeatures: 384 });
	const base = await openTestModel();
	const tokenizer = await loadTokenizer(base.folder.path);
	const runner = await createRunner(base, { device: "cpu", threads: 1, compute: "fp32" });
	const resident = await runner.prepare(adapter);
	for (const { text, embedding } of adapter.manifest!.canaries) {
		const vector = await runner.embed([{ ids: tokenizer.encode(text, { maxLength: base.maxSeqLength }), adapter: resident }]);
		const length = Math.hypot(...vector);
		const cosine = embedding.reduce((sum, value, i) => sum + (value * vector[i]!) / length, 0);
		expect(cosine).toBeGreaterThan(1 - 1e-5);
	}
	await runner.close();
	base.weights.close();
	const modules = JSON.parse(readFileSync(join(folder, "merged_model", "modules.json"), "utf8")) as { type: string }[];
	expect(modules.map(({ type }) => type.split(".").at(-1))).toEqual(["Transformer", "Pooling", "Normalize", "Dense", "Normalize"]);
});

test("a cancelled job rests within a second, also in the middle of a long step", async () => {
	const service = await startService(scratchFolder(), { DAK_THREADS: "1" }, trainingProcess());
	// A step of several seconds: 96 texts of up to 128 tokens.
	const texts = Array.from({ length: 96 }, (_, i) => `${i} ${"a long coat ".repeat(36)}`);
	const { id } = await service.create(jobWith({ dataset: { texts }, max_length: 128, training: { max_steps: 100, batch_size: 96 } }));
	await service.until(id, "training");
	await new Promise((resolve) => setTimeout(resolve, 500));
	const asked = performance.now();
	await service.cancel(id);
	expect((await service.until(id, "cancelled", "failed")).state).toBe("cancelled");
	const seconds = (performance.now() - asked) / 1000;
	// A second on a machine that is not busy otherwise; half of it is the grace.
	expect(seconds).toBeLessThan(2);
}, 120_000);

test("an adapter of another rank cannot be gone on from, and the job says why", async () => {
	const service = await startService(scratchFolder(), { DAK_THREADS: "1" }, trainingProcess());
	const first = await service.create(jobWith({ ...SMALL, training: { max_steps: 1, batch_size: 2 }, adapter_name: "hats" }));
	expect((await service.until(first.id, "succeeded", "failed")).state).toBe("succeeded");
	const second = await service.create(jobWith({ ...SMALL, lora: { r: 8 }, init_adapter: "hats" }));
	const job = await service.until(second.id, "succeeded", "failed");
	expect(job.error).toMatchObject({ reason: "INVALID_REQUEST", message: expect.stringContaining("/lora/r") });
});
