/** The real service with a training process that misbehaves: one job ends, with its reason, and the service goes on. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { collect, jobWith, scratchFolder, startService, type TestService } from "../testing/index.js";

const ENDED = ["succeeded", "failed", "cancelled"];

/** Runs a job to its end; nothing half-written may be left of it. */
async function run(service: TestService, more: Record<string, unknown>) {
	const { id } = await service.create(jobWith(more));
	const job = await service.until(id, ...ENDED);
	await expect.poll(() => leftovers(service)).toEqual([]);
	return job;
}

function leftovers({ config }: TestService): string[] {
	return [join(config.dataDir, "work"), join(config.artifactsDir, ".staging")].flatMap((folder) =>
		existsSync(folder) ? readdirSync(folder) : [],
	);
}

describe("a job", () => {
	test("goes through every state and publishes its adapter", async () => {
		const service = await startService();
		const job = await run(service, { adapter_name: "done-1", training: { max_steps: 4 } });
		expect(job).toMatchObject({ state: "succeeded", restarts: 0, progress: { step: 4, total_steps: 4, loss: 1 } });
		expect(readFileSync(join(service.config.artifactsDir, job.adapter_path!, "adapter_model.safetensors"), "utf8")).toBe("done-1");
		const events = await collect(service.events(job.id));
		expect(events.filter(({ event }) => event === "state").map(({ data }) => data.to)).toEqual([
			"preparing",
			"training",
			"evaluating",
			"publishing",
			"succeeded",
		]);
		expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
	});

	test("is named by its id where it has no name", async () => {
		const service = await startService();
		const job = await run(service, {});
		expect(job.adapter_path).toMatch(new RegExp(`^adapters/${job.id}/`));
	});

	test.each([
		["if_not_worse", "regressed-1", false],
		["if_not_worse", "done-1", true],
		["always", "regressed-1", true],
		["never", "done-1", false],
	])("with publish %s and the outcome %s: published is %s", async (publish, adapter_name, published) => {
		const service = await startService();
		const job = await run(service, { publish, adapter_name });
		expect(job.state).toBe("succeeded");
		expect(job.adapter_path !== undefined).toBe(published);
		expect((await fetch(`${service.url}/v1/jobs/${job.id}/report`)).status).toBe(200);
		expect(readdirSync(join(service.config.artifactsDir, "adapters"))).toEqual(published ? [adapter_name] : []);
	});
});

describe("a training process that", () => {
	test.each([
		["crashes is reported with its code and last words", "crash", /ended with code 3.*a terrible thing happened/],
		["the kernel kills is reported with what to try", "killed", /SIGKILL.*batch_size/],
		["fails is reported with its own reason", "failed", /^step 2: loss NaN$/],
		["does not keep to the protocol is ended", "garbage", /not of the protocol/],
		["goes through states in another order is ended", "backwards", /could not be taken.*training/],
	])("%s, and the next job runs", async (_, adapter_name, message) => {
		const service = await startService();
		const job = await run(service, { adapter_name, training: { max_steps: 2 } });
		expect(job.state).toBe("failed");
		expect(job.error).toEqual({ reason: "TRAINING_FAILED", message: expect.stringMatching(message) });
		expect((await run(service, { adapter_name: "done-2" })).state).toBe("succeeded");
	});
});

describe("cancel", () => {
	test("ends a waiting job at once, and a running one after its step", async () => {
		const service = await startService();
		const running = await service.create(jobWith({ adapter_name: "slow", training: { max_steps: 10_000 } }));
		const waiting = await service.create(jobWith());
		expect((await service.until(running.id, "training")).state).toBe("training");
		expect(await (await service.cancel(waiting.id)).json()).toMatchObject({ state: "cancelled" });
		expect((await service.cancel(running.id)).status).toBe(202);
		expect((await service.until(running.id, ...ENDED)).state).toBe("cancelled");
		expect((await service.cancel(running.id)).status).toBe(409);
		await expect.poll(() => leftovers(service)).toEqual([]);
	});

	test("breaks off the reading of a job's texts", async () => {
		const service = await startService(scratchFolder(), { DAK_MAX_UPLOAD_BYTES: "100000000" });
		const lines = Array.from({ length: 400_000 }, (_, i) => `text of some length that has the number ${i} in it, and ${i * 7}`);
		writeFileSync(join(service.config.dataRoot, "large.txt"), lines.join("\n"));
		const { id } = await service.create(jobWith({ dataset: { path: "large.txt" } }));
		const files = () => readdirSync(join(service.config.dataDir, "work"), { recursive: true, encoding: "utf8" });
		await expect.poll(() => files().some((path) => path.endsWith("texts.jsonl.cleaned")), { timeout: 20_000 }).toBe(true);
		const asked = performance.now();
		expect((await service.cancel(id)).status).toBe(202);
		expect((await service.until(id, ...ENDED)).state).toBe("cancelled");
		expect(performance.now() - asked).toBeLessThan(3000);
		await expect.poll(() => leftovers(service)).toEqual([]);
	});
});

describe("pause", () => {
	test("ends the process of a running job, lets the next one run, and the job goes on once it is resumed", async () => {
		const service = await startService();
		const first = await service.create(jobWith({ adapter_name: "slow", training: { max_steps: 100 } }));
		const second = await service.create(jobWith({ adapter_name: "done-1" }));
		await service.until(first.id, "training");
		const ask = (what: string) => fetch(`${service.url}/v1/jobs/${first.id}:${what}`, { method: "POST" });
		expect((await ask("pause")).status).toBe(202);
		expect((await service.until(first.id, "paused")).state).toBe("paused");
		expect((await service.until(second.id, "succeeded")).state).toBe("succeeded");
		await expect.poll(() => leftovers(service)).toEqual([]);
		expect(await (await ask("resume")).json()).toMatchObject({ state: expect.stringMatching(/queued|preparing/), restarts: 1 });
		expect((await service.until(first.id, "succeeded")).state).toBe("succeeded");
	});
});

describe("memory", () => {
	test("jobs run beside each other as far as their estimates fit, and wait where they do not", async () => {
		// A job of 32 texts a batch is told to take 64 MiB.
		const service = await startService(undefined, { DAK_TRAIN_MEMORY: "140", DAK_TRAIN_MAX_JOBS: "4" });
		const jobs = [];
		for (let i = 0; i < 3; i++) jobs.push(await service.create(jobWith({ adapter_name: `slow-${i}`, training: { max_steps: 10_000 } })));
		for (const { id } of jobs.slice(0, 2)) await service.until(id, "training");
		expect(await service.get(jobs[2]!.id)).toMatchObject({ state: "queued", estimated_memory_bytes: 64 * 2 ** 20 });
		await service.cancel(jobs[0]!.id);
		await service.until(jobs[2]!.id, "training");
		for (const { id } of jobs.slice(1)) {
			await service.cancel(id);
			await service.until(id, "cancelled");
		}
	});

	test("a job that would never fit is refused with what would, and leaves nothing", async () => {
		const service = await startService(undefined, { DAK_TRAIN_MEMORY: "100" });
		const response = await service.submit(jobWith({ training: { batch_size: 64 } }));
		expect(response.status).toBe(422);
		expect(await response.json()).toMatchObject({
			reason: "INSUFFICIENT_MEMORY",
			detail: expect.stringMatching(
				/found a job of about 128 MiB.*100 MiB.*batch_size 50 with training.gradient_accumulation 2 \(100 MiB\)/,
			),
			errors: [{ pointer: "/training/batch_size" }],
		});
		expect(readdirSync(join(service.config.dataDir, "datasets"))).toEqual([]);
	});

	test("a job that no longer fits when its turn comes fails with what would", async () => {
		const folder = scratchFolder();
		const first = await startService(folder);
		const running = await first.create(jobWith({ adapter_name: "slow", training: { max_steps: 10_000 } }));
		const waiting = await first.create(jobWith({ training: { batch_size: 64 } }));
		await first.until(running.id, "training");
		await first.stop();
		const second = await startService(folder, { DAK_TRAIN_MEMORY: "100" });
		await second.until(running.id, "training");
		await second.cancel(running.id);
		const failed = await second.until(waiting.id, "failed");
		expect(failed.error).toMatchObject({ reason: "INSUFFICIENT_MEMORY", message: expect.stringContaining("batch_size 50") });
	});
});
