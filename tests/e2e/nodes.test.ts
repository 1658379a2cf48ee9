/** Several train-services over one Redis and one shared folder: what is asked of one is done by another, and none is missed that dies. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { entryPoint } from "@dak/shared/runtime";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { collect, type JobJson, jobWith, scratchFolder } from "../../services/train-service/testing/index.js";
import { redisProgram, TestRedis } from "../../services/train-service/testing/redis-server.js";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";
import { type SpawnedService, spawnService } from "../../services/train-service/testing/spawn-service.js";
import { trainingPidOf } from "../../services/train-service/testing/training-pid.js";

const PRETENDING = entryPoint(new URL("../../services/train-service/testing/index.ts", import.meta.url).href, "service-process");
const REAL = entryPoint(new URL("../../services/train-service/index.ts", import.meta.url).href, "main");

// Several processes each, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const countTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe.skipIf(!redisProgram)("many nodes", () => {
	let redis: TestRedis;
	let folder: string;
	beforeAll(async () => {
		redis = await TestRedis.start();
	});
	afterAll(() => redis.stop());
	beforeEach(async () => {
		await redis.clear();
		folder = scratchFolder();
	});

	/** A node with a data folder of its own. */
	function startNode(name: string, environment: Record<string, string> = {}, entry = PRETENDING): Promise<SpawnedService> {
		const own = join(folder, name);
		mkdirSync(own, { recursive: true });
		const shared = { DAK_REDIS_URL: redis.url, DAK_ARTIFACTS: join(folder, "shared"), DAK_NODE_TIMEOUT: "4", DAK_LOG_LEVEL: "error" };
		return spawnService(entry, own, { ...shared, ...environment });
	}

	const statesOf = (events: readonly { data: Record<string, unknown>; event: string }[]) =>
		events.flatMap(({ event, data }) => (event === "state" ? [data.to] : []));

	test("a job that is given to one node runs on another; it is watched, paused, resumed and cancelled from the first", async () => {
		const [front, worker] = [await startNode("front", { DAK_TRAIN_MAX_JOBS: "0" }), await startNode("worker")];
		const job = await front.client.create(jobWith({ adapter_name: "slow", training: { max_steps: 150 } }));
		const watching = collect(front.client.events(job.id));
		await front.client.until(job.id, "training");
		expect(await worker.client.get(job.id)).toMatchObject({ state: "training" });
		const ask = (what: string) => fetch(`${front.client.url}/v1/jobs/${job.id}:${what}`, { method: "POST" });
		expect((await ask("pause")).status).toBe(202);
		await front.client.until(job.id, "paused");
		expect((await ask("resume")).status).toBe(202);
		await front.client.until(job.id, "training");
		expect((await ask("cancel")).status).toBe(202);
		await front.client.until(job.id, "cancelled");
		const events = await watching;
		expect(events.map(({ id }) => id)).toEqual(countTo(events.length));
		const states = ["preparing", "training", "paused", "queued", "preparing", "training", "cancelled"];
		expect(statesOf(events)).toEqual(states);

		// The next one, to its end; its report and files can be had from the node that did not make them.
		const done = await front.client.create(jobWith({ adapter_name: "done-1" }));
		const { adapter_path } = await front.client.until(done.id, "succeeded", "failed");
		expect(adapter_path).toBeDefined();
		expect((await fetch(`${front.client.url}/v1/jobs/${done.id}/report`)).status).toBe(200);
		expect((await fetch(`${front.client.url}/v1/jobs/${done.id}/artifacts/adapter_model.safetensors`)).status).toBe(200);
	});

	test("jobs go to nodes that can hold them, and one that none can hold is refused", async () => {
		const [small, large] = [
			await startNode("small", { DAK_TRAIN_MEMORY: "150" }),
			await startNode("large", { DAK_TRAIN_MEMORY: "100000", DAK_TRAIN_MAX_JOBS: "2" }),
		];
		const needs = async (texts: number) => {
			const response = await fetch(`${small.client.url}/v1/jobs:estimate`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify(jobWith({ training: { batch_size: texts } })),
			});
			return ((await response.json()) as { total_bytes: number }).total_bytes;
		};
		expect(await needs(32)).toBeGreaterThan(150 * 2 ** 20);
		const job = await small.client.create(jobWith({ adapter_name: "done-large" }));
		expect((await small.client.until(job.id, "succeeded")).restarts).toBe(0);
		large.process.kill("SIGTERM");
		await large.ended;
		// It is not counted on any more.
		expect((await small.client.submit(jobWith())).status).toBe(422);
	});

	test("Redis is killed in mid-job and comes back: the job goes on, and what was acknowledged is there", async () => {
		const [first, second] = [await startNode("first"), await startNode("second")];
		const running = await first.client.create(jobWith({ adapter_name: "slow", training: { max_steps: 200 } }));
		await first.client.until(running.id, "training");
		const waiting: JobJson[] = [];
		for (let i = 0; i < 10; i++) waiting.push(await (i % 2 ? first : second).client.create(jobWith({ adapter_name: `done-${i}` })));
		const watching = collect(second.client.events(running.id));
		for (let kills = 0; kills < 3; kills++) {
			await sleep(300);
			await redis.kill();
			await sleep(200);
			await redis.up();
		}
		for (const { id } of [running, ...waiting]) expect((await second.client.until(id, "succeeded", "failed")).state).toBe("succeeded");
		const events = await watching;
		expect(events.map(({ id }) => id)).toEqual(countTo(events.length));
		expect(events.flatMap(({ event, data }) => (event === "progress" ? [data.step] : []))).toEqual(countTo(200));
	});

	test("a node that is stopped and comes back after its job went elsewhere changes nothing any more", async () => {
		const first = await startNode("first");
		const { id } = await first.client.create(jobWith({ adapter_name: "slow", training: { max_steps: 150 } }));
		await first.client.until(id, "training");
		first.process.kill("SIGSTOP");
		const second = await startNode("second");
		await second.client.until(id, "preparing", "queued");
		await second.client.until(id, "training");
		first.process.kill("SIGCONT");
		const job = await second.client.until(id, "succeeded", "failed");
		expect(job).toMatchObject({ state: "succeeded", restarts: 1 });
		const events = await collect(second.client.events(id));
		expect(statesOf(events)).toEqual([
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
		expect(readdirSync(join(folder, "shared", "adapters", "slow"))).toHaveLength(1);
	});

	test("nodes that are killed in mid-job: others go on from the last checkpoint, to the same adapter byte for byte", async () => {
		writeSmallBase(join(folder, "models", "small"));
		const environment = { DAK_MODELS_DIR: join(folder, "models"), DAK_THREADS: "1" };
		const start = (name: string) => startNode(name, environment, REAL);
		const job = {
			base_model: "small",
			dataset: { texts: SMALL_TEXTS },
			max_length: 16,
			lora: { r: 4 },
			training: { max_steps: 40, batch_size: 4, learning_rate: 1e-2 },
			checkpoint: { every_steps: 5 },
		};
		const front = await startNode("front", { ...environment, DAK_TRAIN_MAX_JOBS: "0" }, REAL);
		let worker = await start("worker-0");
		const whole = await front.client.until((await front.client.create(job)).id, "succeeded", "failed");
		const { id } = await front.client.create(job);
		const watching = collect(front.client.events(id));
		for (const [i, atStep] of [12, 27].entries()) {
			for await (const { data } of front.client.events(id)) if ((data.step as number) >= atStep) break;
			trainingPidOf(worker.process.pid!);
			worker.process.kill("SIGKILL");
			await worker.ended;
			worker = await start(`worker-${i + 1}`);
		}
		const interrupted = await front.client.until(id, "succeeded", "failed");
		expect(interrupted, JSON.stringify(interrupted.error)).toMatchObject({ state: "succeeded", restarts: 2 });
		const events = await watching;
		expect(events.map((event) => event.id)).toEqual(countTo(events.length));
		// What a node's process had done and its service not yet told is gone with it; nothing is told twice, or out of order.
		const told = events.flatMap(({ event, data }) => (event === "progress" ? [data.step as number] : []));
		expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
		expect(told.at(-1)).toBe(40);
		const resumed = events.flatMap(({ data }) => /^goes on from the checkpoint at step (\d+) of 40$/.exec(String(data.message))?.[1] ?? []);
		expect(resumed.map(Number).every((step, i) => step >= [10, 25][i]!)).toBe(true);
		expect(resumed).toHaveLength(2);
		const [a, b] = [whole, interrupted].map(({ adapter_path }) =>
			createHash("sha256")
				.update(readFileSync(join(folder, "shared", adapter_path!, "adapter_model.safetensors")))
				.digest("hex"),
		);
		expect(b).toBe(a);
	});
});
