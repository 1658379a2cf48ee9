/** The service over real training processes on a small base: killed, cancelled, resumed, cut off while publishing. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import Database from "libsql";
import { expect, onTestFinished, test, vi } from "vitest";
import { HubServer } from "../../../shared/models/testing/hub-server.js";
import { collect, type JobJson, jobWith, scratchFolder, startService, type TestService } from "../testing/index.js";
import { SMALL_TEXTS, writeSmallBase } from "../testing/small-base.js";
import { trainingPidOf } from "../testing/training-pid.js";
import { trainingProcess } from "../training/index.js";

// Several processes each, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const STEPS = 40;
const smallJob = (more: Record<string, unknown> = {}) => ({
	base_model: "small",
	dataset: { texts: SMALL_TEXTS },
	max_length: 16,
	lora: { r: 4 },
	training: { max_steps: STEPS, batch_size: 4, learning_rate: 1e-2 },
	checkpoint: { every_steps: 5 },
	...more,
});

async function startReal(folder = scratchFolder()): Promise<TestService> {
	writeSmallBase(join(folder, "models", "small"));
	return startService(folder, { DAK_THREADS: "1", DAK_MODELS_DIR: join(folder, "models") }, trainingProcess());
}

/** Of the job's adapter weights. */
function adapterHash({ config }: TestService, { adapter_path, error }: JobJson): string {
	expect(adapter_path, JSON.stringify(error)).toBeDefined();
	return createHash("sha256")
		.update(readFileSync(join(config.artifactsDir, adapter_path!, "adapter_model.safetensors")))
		.digest("hex");
}

const versions = ({ config }: TestService, name: string) => readdirSync(join(config.artifactsDir, "adapters", name));
const checkpointsOf = ({ config }: TestService, id: string) => join(config.dataDir, "checkpoints", id);

/** Waits for a step of a job. */
async function untilStep(service: TestService, id: string, step: number): Promise<void> {
	for await (const { event, data } of service.events(id)) if (event === "progress" && (data.step as number) >= step) return;
}

const stepsOf = (events: readonly { event: string; data: Record<string, unknown> }[]) =>
	events.flatMap(({ event, data }) => (event === "progress" ? [data.step] : []));
const countTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test("a training process that is killed after headway goes on by itself; each step is told and counted once", async () => {
	const service = await startReal();
	const whole = await service.until((await service.create(smallJob())).id, "succeeded", "failed");
	const { id } = await service.create(smallJob());
	await untilStep(service, id, 12);
	process.kill(trainingPidOf(process.pid), "SIGKILL");
	const events = await collect(service.events(id));
	const job = await service.get(id);
	expect(job).toMatchObject({ state: "succeeded", restarts: 1, progress: { step: STEPS } });
	expect(adapterHash(service, job)).toBe(adapterHash(service, whole));
	expect(events.map((event) => event.id)).toEqual(countTo(events.length));
	expect(stepsOf(events)).toEqual(countTo(STEPS));
	expect(events.flatMap(({ event, data }) => (event === "state" ? [data.to] : []))).toEqual([
		"preparing",
		"training",
		"interrupted",
		"queued",
		"preparing",
		"training",
		"evaluating",
		"publishing",
		"succeeded",
	]);
	expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(new RegExp(`^dak_train_steps_total ${2 * STEPS}$`, "m"));
	expect(existsSync(checkpointsOf(service, id))).toBe(false);
});

test("a cancelled job rests within a second, keeps its checkpoint, and comes to the same adapter when it is resumed", async () => {
	const service = await startReal();
	const whole = await service.until((await service.create(smallJob())).id, "succeeded", "failed");
	const { id } = await service.create(smallJob());
	await untilStep(service, id, 12);
	const asked = performance.now();
	await service.cancel(id);
	const cancelled = await service.until(id, "cancelled", "failed");
	expect(performance.now() - asked).toBeLessThan(1000);
	expect(cancelled.state).toBe("cancelled");
	expect(readdirSync(checkpointsOf(service, id)).length).toBeGreaterThan(0);

	expect((await fetch(`${service.url}/v1/jobs/${id}:resume`, { method: "POST" })).status).toBe(202);
	const job = await service.until(id, "succeeded", "failed");
	expect(adapterHash(service, job)).toBe(adapterHash(service, whole));
	const events = await collect(service.events(id));
	expect(stepsOf(events)).toEqual(countTo(STEPS));
	expect(events.some(({ data }) => /^goes on from the checkpoint at step \d+ of 40$/.test(String(data.message)))).toBe(true);
	expect(existsSync(checkpointsOf(service, id))).toBe(false);
});

test("a training process that is killed without headway fails its job, which can be resumed", async () => {
	const service = await startReal();
	const { id } = await service.create(smallJob({ checkpoint: { every_steps: 1000 } }));
	await untilStep(service, id, 12);
	// Killed without headway: it may be what it does itself, and is not tried again.
	process.kill(trainingPidOf(process.pid), "SIGKILL");
	expect(await service.until(id, "failed", "succeeded")).toMatchObject({ state: "failed", error: { reason: "TRAINING_FAILED" } });
	await fetch(`${service.url}/v1/jobs/${id}:resume`, { method: "POST" });
	const job = await service.until(id, "succeeded", "failed");
	expect(job).toMatchObject({ state: "succeeded", restarts: 1 });
	expect(job.error).toBeUndefined();
});

test("a process that does not heed a cancel is ended within a second", async () => {
	const service = await startService();
	const { id } = await service.create(jobWith({ adapter_name: "deaf", training: { max_steps: 10_000 } }));
	await service.until(id, "training");
	const asked = performance.now();
	await service.cancel(id);
	await service.until(id, "cancelled");
	expect(performance.now() - asked).toBeLessThan(1000);
});

/** A hub that lists a model and never sends its weights. */
async function silentHub(): Promise<string> {
	const silent = createServer(() => {});
	await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
	const hub = new HubServer();
	hub.redirectTo = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
	const file = { content: Buffer.from("{}") };
	hub.models.set("org/slow", {
		"config.json": file,
		"tokenizer.json": file,
		"tokenizer_config.json": file,
		"model.safetensors": { ...file, large: true },
	});
	onTestFinished(async () => {
		silent.closeAllConnections();
		silent.close();
		await hub.stop();
	});
	return hub.start();
}

test("a job that waits for its base model is cancelled at once, and the next one runs", async () => {
	const folder = scratchFolder();
	const service = await startService(folder, { HF_ENDPOINT: await silentHub(), DAK_MODELS_DIR: join(folder, "models") });
	writeSmallBase(join(folder, "models", "small"));
	const { id } = await service.create(jobWith({ base_model: "org/slow" }));
	const next = await service.create(jobWith({ base_model: "small", max_length: 16 }));
	await service.until(id, "preparing");
	await expect.poll(() => existsSync(join(folder, "models", ".fetching")), { timeout: 20_000 }).toBe(true);
	const asked = performance.now();
	await service.cancel(id);
	await service.until(id, "cancelled");
	expect(performance.now() - asked).toBeLessThan(1000);
	expect((await service.until(next.id, "succeeded", "failed")).state).toBe("succeeded");
	expect((await collect(service.events(id))).at(-1)!.data.to).toBe("cancelled");
});

/** As a crash leaves a job that was publishing. */
function cutOffWhilePublishing(dataDir: string, id: string): void {
	const db = new Database(join(dataDir, "jobs.db"));
	db.prepare("UPDATE jobs SET state = 'publishing', body = json_remove(body, '$.adapterPath', '$.finishedAt') WHERE id = ?").run(id);
	db.close();
}

test("a job that was cut off while publishing has one version: the one that is there, or one that is made again", async () => {
	const first = await startService();
	const { dataDir } = first.config;
	const [before, after] = [
		await first.until((await first.create(jobWith({ adapter_name: "done-withheld", publish: "never" }))).id, "succeeded"),
		await first.until((await first.create(jobWith({ adapter_name: "done-published" }))).id, "succeeded"),
	];
	await first.stop();
	for (const { id } of [before, after]) cutOffWhilePublishing(dataDir, id);

	const second = await startService(dataDir);
	expect(await second.get(after.id)).toMatchObject({ state: "succeeded", adapter_path: after.adapter_path, restarts: 0 });
	expect(versions(second, "done-published")).toHaveLength(1);
	expect(await second.until(before.id, "succeeded", "failed")).toMatchObject({ state: "succeeded", restarts: 1 });
});

test("a job goes on from the version of its initial adapter that it began with", async () => {
	const folder = scratchFolder();
	const service = await startReal(folder);
	const run = async (more: Record<string, unknown>) => service.until((await service.create(smallJob(more))).id, "succeeded", "failed");
	await run({ adapter_name: "hats" });
	const whole = await run({ adapter_name: "whole", init_adapter: "hats" });
	const { id } = await service.create(smallJob({ adapter_name: "again", init_adapter: "hats" }));
	await untilStep(service, id, 12);
	await service.cancel(id);
	await service.until(id, "cancelled");
	await run({ adapter_name: "hats", training: { max_steps: 3, batch_size: 4, seed: 1 } });
	await fetch(`${service.url}/v1/jobs/${id}:resume`, { method: "POST" });
	const job = await service.until(id, "succeeded", "failed");
	expect(adapterHash(service, job)).toBe(adapterHash(service, whole));
});
