import { setTimeout as sleep } from "node:timers/promises";
import { createLogger } from "@dak/shared/observability";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { EventHub, type JobId, newDatasetId } from "../jobs/index.js";
import { collect } from "../testing/index.js";
import { jobQueueConformance } from "../testing/queue-conformance.js";
import { redisProgram, TestRedis } from "../testing/redis-server.js";
import { jobStoreConformance, newJob } from "../testing/store-conformance.js";
import { connectRedis, RedisBus, RedisJobStore, RedisQueue, type RedisQueueOptions } from "./index.js";
import { laneOf, parseLane } from "./lanes.js";

const logger = createLogger("test", "silent");
const GIB = 2 ** 30;

test("a lane's jobs take at most what it says, and hardly less than a fifth below", () => {
	for (const bytes of [1, 300e6, 1 * GIB, 11.5 * GIB, 20 * GIB, 79 * GIB]) {
		const { bytes: most, device } = parseLane(laneOf({ user: "", priority: "normal", bytes }));
		expect(device).toBe("auto");
		expect(most).toBeGreaterThanOrEqual(bytes);
		if (bytes > GIB) expect(most).toBeLessThan(1.2 * bytes);
	}
	expect(parseLane(laneOf({ user: "", priority: "low", bytes: Number.POSITIVE_INFINITY, device: "cuda" }))).toEqual({
		name: "cuda-alone",
		device: "cuda",
		bytes: Number.POSITIVE_INFINITY,
	});
});

test("a server that is not there is told by its address, not by its password", async () => {
	const error = await connectRedis("redis://:secret@127.0.0.1:1/0", logger).catch((thrown: Error) => thrown);
	expect(error).toMatchObject({ reason: "UNAVAILABLE", message: expect.stringContaining("127.0.0.1:1") });
	expect((error as Error).message).not.toContain("secret");
}, 20_000);

describe.skipIf(!redisProgram)("over a real server", () => {
	let server: TestRedis;
	beforeAll(async () => {
		server = await TestRedis.start();
	});
	afterAll(() => server.stop());

	const closeAll = (...buses: RedisBus[]) => {
		for (const bus of buses) bus.close();
	};

	/** A node's connection; it goes with the test. */
	async function connect(): Promise<Redis> {
		const redis = await connectRedis(server.url, logger);
		onTestFinished(() => redis.disconnect());
		return redis;
	}

	async function openQueue(options: Partial<RedisQueueOptions> = {}): Promise<RedisQueue> {
		const redis = await connect();
		const bus = new RedisBus(redis);
		onTestFinished(() => bus.close());
		return new RedisQueue({ redis, bus, logger, backoff: () => 200, lookMs: 100, lockMs: 2000, ...options });
	}

	jobStoreConformance("RedisJobStore", async () => {
		await server.clear();
		return new RedisJobStore(await connect());
	});
	jobQueueConformance("RedisQueue", async (options) => {
		await server.clear();
		return openQueue(options);
	});

	test("what was acknowledged is there after the server was killed, and what was asked meanwhile is done once", async () => {
		await server.clear();
		const store = new RedisJobStore(await connect());
		const job = await store.insert(newJob(), { key: "k", requestHash: "h" });
		await store.transition(job.id, "preparing", "go", { attempt: 1 }, 0);
		for (let i = 0; i < 20; i++) await store.append(job.id, { kind: "log", level: "info", message: `${i}` }, undefined, 1);
		const dataset = { id: newDatasetId(), filename: "a.txt", createdAt: 1, bytes: 2, statistics: { texts: 3 } };
		await store.saveDataset(dataset);
		await server.kill();
		const meanwhile = [20, 21, 22].map((i) => store.append(job.id, { kind: "log", level: "info", message: `${i}` }, undefined, 1));
		await server.up();
		await Promise.all(meanwhile);
		const told = (await store.events(job.id, 1, 100)).flatMap(({ body }) => (body.kind === "log" ? [Number(body.message)] : []));
		expect(told).toEqual(Array.from({ length: 23 }, (_, i) => i));
		expect(await store.findByKey({ key: "k", requestHash: "h" })).toMatchObject({ id: job.id, state: "preparing" });
		expect(await store.dataset(dataset.id)).toEqual(dataset);
		await expect(store.dataset("ds_2")).rejects.toMatchObject({ reason: "DATASET_NOT_FOUND" });
	});

	test("killed again and again under writing: every event is there once, in order", async () => {
		await server.clear();
		const store = new RedisJobStore(await connect());
		const { id } = await store.insert(newJob());
		await store.transition(id, "preparing", "go", { attempt: 1 }, 0);
		let done = false;
		const writing = (async () => {
			let i = 0;
			while (!done) await store.append(id, { kind: "log", level: "info", message: `${i++}` }, undefined, 1);
			return i;
		})();
		for (let kills = 0; kills < 5; kills++) {
			await sleep(50 + 100 * Math.random());
			await server.kill();
			await server.up();
		}
		done = true;
		const count = await writing;
		const events = (await store.events(id, 2, 1_000_000)).map(({ body }) => (body.kind === "log" ? Number(body.message) : -1));
		expect(events).toEqual(Array.from({ length: count }, (_, i) => i));
	});

	test("a watcher on one node sees what another writes, also across a restart of the server", async () => {
		await server.clear();
		const [here, there] = [await connect(), await connect()];
		const [store, other] = [new RedisJobStore(here), new RedisJobStore(there)];
		const [bus, otherBus] = [new RedisBus(here), new RedisBus(there)];
		onTestFinished(() => closeAll(bus, otherBus));
		const { id } = await other.insert(newJob());
		const watching = collect(new EventHub(store, bus).watch(id, 1, new AbortController().signal));
		const write = async (message: string) => {
			await other.append(id, { kind: "log", level: "info", message }, undefined, 0);
			otherBus.notify(id);
		};
		for (let i = 0; i < 5; i++) await write(`${i}`);
		await server.kill();
		await server.up();
		for (let i = 5; i < 10; i++) await write(`${i}`);
		await other.transition(id, "cancelled", "test");
		const seen = await watching;
		expect(seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 11 }, (_, i) => i + 1));
	}, 30_000);

	test("what is asked on one node is heard on another", async () => {
		const [bus, other] = [new RedisBus(await connect()), new RedisBus(await connect())];
		onTestFinished(() => closeAll(bus, other));
		const heard: unknown[] = [];
		other.onAsk((...ask) => heard.push(ask));
		await expect
			.poll(() => {
				bus.ask("job_1" as JobId, "pause");
				return heard[0];
			})
			.toEqual(["job_1", "pause"]);
	});

	/** A handler that says what its node runs, until told. */
	function node() {
		const running = new Map<string, () => void>();
		const handler = (id: JobId, signal: AbortSignal) =>
			new Promise<"ended" | "put_back">((resolve) => {
				running.set(id, () => {
					running.delete(id);
					resolve("ended");
				});
				signal.addEventListener("abort", () => {
					running.delete(id);
					resolve("put_back");
				});
			});
		return { running, handler, ids: () => [...running.keys()].sort() };
	}
	const job = (bytes: number, more = {}) => ({ user: "", priority: "normal" as const, bytes, ...more });

	test("nodes take what they can hold, each job once", async () => {
		await server.clear();
		const [small, large] = [await openQueue({ budgetBytes: 12 * GIB }), await openQueue({ budgetBytes: 80 * GIB, devices: ["cuda"] })];
		const [onSmall, onLarge] = [node(), node()];
		await small.add("twenty" as JobId, job(20 * GIB));
		await small.add("cuda" as JobId, job(1 * GIB, { device: "cuda" }));
		small.start(onSmall.handler, 4);
		await small.add("tight" as JobId, job(11.9 * GIB));
		await expect.poll(onSmall.ids).toEqual(["tight"]);
		await sleep(300);
		expect(onSmall.ids()).toEqual(["tight"]);
		large.start(onLarge.handler, 4);
		await expect.poll(onLarge.ids).toEqual(["cuda", "twenty"]);
		expect(await small.depth()).toBe(0);
		await Promise.all([small.close(), large.close()]);
	});

	test("many jobs on three nodes: each is run once", async () => {
		await server.clear();
		const runs: string[] = [];
		const nodes = await Promise.all([openQueue(), openQueue(), openQueue()]);
		const ids = Array.from({ length: 60 }, (_, i) => `job-${i}` as JobId);
		await Promise.all(ids.map((id, i) => nodes[i % 3]!.add(id, job((i % 7) * GIB))));
		for (const queue of nodes)
			queue.start(async (id) => {
				runs.push(id);
				await sleep(5);
				return "ended";
			}, 2);
		await expect.poll(() => runs.length, { timeout: 20_000 }).toBe(60);
		await sleep(200);
		expect(runs.toSorted()).toEqual(ids.toSorted());
		await Promise.all(nodes.map((queue) => queue.close()));
	});

	test("a node that ends in good order gives its job to another at once", async () => {
		await server.clear();
		const [first, second] = [await openQueue(), await openQueue({ lockMs: 60_000 })];
		const [onFirst, onSecond] = [node(), node()];
		first.start(onFirst.handler, 1);
		await first.add("a" as JobId);
		await expect.poll(onFirst.ids).toEqual(["a"]);
		second.start(onSecond.handler, 1);
		await first.close();
		await expect.poll(onSecond.ids).toEqual(["a"]);
		await second.close();
	});

	test("a node that is cut off loses its job to another, before those that wait, and hears of it when it is back", async () => {
		await server.clear();
		const redis = await connect();
		const bus = new RedisBus(redis);
		onTestFinished(() => bus.close());
		const lost = new RedisQueue({ redis, bus, logger, lockMs: 1000, lookMs: 100 });
		const [onLost, onOther] = [node(), node()];
		lost.start(onLost.handler, 1);
		await lost.add("a" as JobId);
		await expect.poll(onLost.ids).toEqual(["a"]);
		// As a network that drops everything: the connection is there, and nothing comes through.
		const stream = redis.stream as unknown as { write: (...args: unknown[]) => boolean };
		const write = stream.write;
		stream.write = () => true;
		const other = await openQueue({ lockMs: 1000 });
		await other.add("b" as JobId, job(0, { priority: "high" }));
		await sleep(100);
		other.start(onOther.handler, 1);
		await expect.poll(onOther.ids).toEqual(["b"]);
		await sleep(2500);
		onOther.running.get("b")!();
		await expect.poll(onOther.ids, { timeout: 10_000 }).toEqual(["a"]);
		stream.write = write;
		redis.disconnect(true);
		await expect.poll(onLost.ids, { timeout: 10_000 }).toEqual([]);
		onOther.running.get("a")!();
		await Promise.all([lost.close(), other.close()]);
	}, 40_000);
});
