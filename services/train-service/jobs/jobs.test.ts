import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { collect, jobWith, scratchFolder } from "../testing/index.js";
import { jobQueueConformance } from "../testing/queue-conformance.js";
import { jobStoreConformance, newJob } from "../testing/store-conformance.js";
import {
	EmbeddedQueue,
	ENDED,
	EventHub,
	isTerminal,
	JOB_STATES,
	type JobId,
	JobService,
	type JobServiceOptions,
	jobSettingsSchema,
	LibsqlJobStore,
	LocalBus,
	NEXT,
	newDatasetId,
	newJobId,
	Patience,
	RUNNING,
} from "./index.js";

jobStoreConformance("LibsqlJobStore", () => new LibsqlJobStore(join(scratchFolder(), "jobs.db")));
jobQueueConformance("EmbeddedQueue", (options) => new EmbeddedQueue({ backoff: () => 200, ...options }));

describe("a libsql job file", () => {
	test("keeps jobs, events and datasets when it is opened again", async () => {
		const file = join(scratchFolder(), "jobs.db");
		const store = new LibsqlJobStore(file);
		const job = await store.insert(newJob(), { key: "k", requestHash: "h" });
		await store.append(job.id, { kind: "log", level: "info", message: "one" });
		const dataset = { id: newDatasetId(), filename: "a.txt", createdAt: 1, bytes: 2, statistics: { texts: 3 } };
		await store.saveDataset(dataset);
		await store.close();
		const again = new LibsqlJobStore(file);
		expect(await again.get(job.id)).toEqual(job);
		expect((await again.append(job.id, { kind: "log", level: "info", message: "two" })).sequence).toBe(2);
		expect(await again.dataset(dataset.id)).toEqual(dataset);
		await expect(again.dataset("ds_2")).rejects.toMatchObject({ reason: "DATASET_NOT_FOUND" });
		await again.close();
	});

	test("is refused to a second service while it is open", async () => {
		const file = join(scratchFolder(), "jobs.db");
		const store = new LibsqlJobStore(file);
		expect(() => new LibsqlJobStore(file)).toThrow(expect.objectContaining({ reason: "UNAVAILABLE" }));
		await store.close();
		await new LibsqlJobStore(file).close();
	});
});

test("ids sort by their creation, also within a millisecond", () => {
	const ids = Array.from({ length: 200 }, () => newJobId());
	expect(ids.toSorted()).toEqual(ids);
	expect(new Set(ids).size).toBe(200);
	expect(ids[0]).toMatch(/^job_[0-9a-z]{20}$/);
});

test("ids sort after those that a job file holds, also where the clock was set back since", async () => {
	const file = join(scratchFolder(), "jobs.db");
	const id = "job_01zzzzzzzz0000000000" as JobId;
	const store = new LibsqlJobStore(file);
	await store.insert(newJob({ id }));
	await store.close();
	expect(newJobId() < id).toBe(true);
	await new LibsqlJobStore(file).close();
	expect(newJobId() > id).toBe(true);
});

describe("the table of states", () => {
	test("lets every job that runs fail, and nothing follow an end but a resumption", () => {
		for (const state of RUNNING) expect(NEXT[state]).toContain("failed");
		expect(JOB_STATES.filter(isTerminal)).toEqual(ENDED);
		expect(ENDED.flatMap((state) => NEXT[state])).toEqual(["queued", "queued"]);
	});

	test("leads from every state to an end", () => {
		for (const start of JOB_STATES) {
			const seen = new Set([start]);
			for (const state of seen) for (const next of NEXT[state]) seen.add(next);
			expect([...seen].some(isTerminal)).toBe(true);
		}
	});
});

function service(options: Partial<JobServiceOptions> = {}) {
	const store = new LibsqlJobStore(join(scratchFolder(), "jobs.db"));
	const queue = new EmbeddedQueue();
	const bus = new LocalBus();
	const jobs = new JobService({
		store,
		queue,
		bus,
		events: new EventHub(store, bus),
		admit: async (settings) => ({ settings }),
		maxQueued: 3,
		onState: () => {},
		...options,
	});
	return { store, queue, jobs };
}

const NEVER = new AbortController().signal;

describe("JobService", () => {
	test("answers a repeated key with the first job, also when the queue is full", async () => {
		const { jobs } = service();
		const first = await jobs.create(jobWith(), "key");
		await jobs.create(jobWith());
		await jobs.create(jobWith());
		await expect(jobs.create(jobWith())).rejects.toMatchObject({ reason: "OVERLOADED", retryAfterMs: expect.any(Number) });
		expect((await jobs.create(jobWith(), "key")).id).toBe(first.id);
		await expect(jobs.create(jobWith({ goal: "balanced", max_length: 32 }), "key")).rejects.toMatchObject({
			reason: "IDEMPOTENCY_CONFLICT",
		});
	});

	test("takes a request for the same one whether it spells the defaults or not", async () => {
		const { jobs } = service();
		const first = await jobs.create(jobWith(), "key");
		expect((await jobs.create(jobWith({ publish: "if_not_worse", lora: { r: 16 } }), "key")).id).toBe(first.id);
	});

	test("keeps nothing of a job that is not admitted", async () => {
		const { jobs, store, queue } = service({ admit: () => Promise.reject(new Error("no such model")) });
		await expect(jobs.create(jobWith(), "key")).rejects.toThrow("no such model");
		expect(await store.list({ limit: 10 })).toEqual([]);
		expect(await queue.depth()).toBe(0);
	});

	test("refuses features that are not there, naming each field", async () => {
		const { jobs } = service();
		const job = jobWith({ lora: { dropout: 0.1 }, output: { adapter: false } });
		await expect(jobs.create(job)).rejects.toMatchObject({
			reason: "NOT_IMPLEMENTED",
			fields: [{ pointer: "/lora/dropout" }, { pointer: "/output/adapter" }],
		});
	});

	test("pages through all jobs once", async () => {
		const { jobs } = service({ maxQueued: 100 });
		const made = [];
		for (let i = 0; i < 7; i++) made.unshift((await jobs.create(jobWith())).id);
		const seen: string[] = [];
		let pageToken = "";
		do {
			const page = await jobs.list({ pageSize: 3, pageToken });
			seen.push(...page.jobs.map(({ id }) => id));
			pageToken = page.nextPageToken;
		} while (pageToken !== "");
		expect(seen).toEqual(made);
	});
});

describe("resume", () => {
	test("puts a cancelled or failed job into the queue again, without its error, and a watcher sees both ends", async () => {
		const { jobs, queue } = service();
		const { id } = await jobs.create(jobWith());
		await jobs.cancel(id);
		expect(await jobs.resume(id)).toMatchObject({ state: "queued", restarts: 1 });
		expect(await queue.depth()).toBe(1);
		const watching = collect(await jobs.watch(id, 1, NEVER));
		await jobs.move(id, "preparing", "test");
		await jobs.move(id, "failed", "test", { finishedAt: 5, error: { reason: "X", message: "y" } });
		expect((await watching).flatMap(({ body }) => (body.kind === "state" ? [body.to] : []))).toEqual([
			"cancelled",
			"queued",
			"preparing",
			"failed",
		]);
		const again = await jobs.resume(id);
		expect(again).toMatchObject({ state: "queued", restarts: 2 });
		expect(again.error).toBeUndefined();
		expect(again.finishedAt).toBeUndefined();
	});

	test("of a job that waits, runs or has succeeded is refused, and a full queue too", async () => {
		const { jobs, queue } = service();
		const { id } = await jobs.create(jobWith());
		const refused = { reason: "STATE_CONFLICT", message: expect.stringContaining("paused, cancelled or failed") };
		await expect(jobs.resume(id)).rejects.toMatchObject(refused);
		for (const state of ["preparing", "training", "evaluating", "publishing", "succeeded"] as const) {
			await jobs.move(id, state, "test");
			await expect(jobs.resume(id)).rejects.toMatchObject(refused);
		}
		await queue.remove(id);
		const { id: other } = await jobs.create(jobWith());
		await jobs.cancel(other);
		for (let i = 0; i < 3; i++) await jobs.create(jobWith());
		await expect(jobs.resume(other)).rejects.toMatchObject({ reason: "OVERLOADED" });
	});
});

describe("while the store has no room", () => {
	const full = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
	const logger = { warn: () => {}, info: () => {} };

	/** A service whose store fails so many writes of a kind, from the next one on. */
	function failing(options: Partial<JobServiceOptions> = {}) {
		const made = service(options);
		const failNext = (kind: "append" | "transition", times: number) => {
			const write = vi.spyOn(made.store, kind);
			for (let i = 0; i < times; i++) write.mockRejectedValueOnce(full);
		};
		return { ...made, failNext };
	}

	test("a job that was written down is taken, also where a line of its log is lost", async () => {
		const { jobs, queue, failNext } = failing();
		failNext("append", 1);
		const { id } = await jobs.create(jobWith());
		expect(await queue.depth()).toBe(1);
		expect((await jobs.list({})).jobs.map((job) => job.id)).toEqual([id]);
	});

	test("a waiting job that cannot be written down as cancelled or paused goes on waiting", async () => {
		const { jobs, queue, failNext } = failing();
		const { id } = await jobs.create(jobWith());
		for (const what of ["cancel", "pause"] as const) {
			failNext("transition", 1);
			await expect(jobs[what](id)).rejects.toBe(full);
			expect(await queue.depth()).toBe(1);
		}
		expect(await jobs.cancel(id)).toMatchObject({ state: "cancelled" });
	});

	test("what a running job tells waits for room; what a client asks for does not", async () => {
		vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
		onTestFinished(() => void vi.useRealTimers());
		const patience = new Patience(logger);
		patience.begin();
		const { jobs, store, failNext } = failing({ patience });
		const { id } = await jobs.create(jobWith());
		failNext("append", 4);
		await expect(jobs.record(id, { kind: "log", level: "info", message: "a client's" })).rejects.toBe(full);
		const told = jobs.record(id, { kind: "log", level: "info", message: "an attempt's" }, undefined, 0);
		await vi.advanceTimersByTimeAsync(10_000);
		await told;
		expect((await store.events(id, 2, 10)).map(({ body }) => body)).toEqual([{ kind: "log", level: "info", message: "an attempt's" }]);
	});

	test("nothing waits before the service runs, and after it was told to end", async () => {
		const patience = new Patience(logger);
		const { jobs, failNext } = failing({ patience });
		const { id } = await jobs.create(jobWith());
		const write = () => jobs.record(id, { kind: "log", level: "info", message: "x" }, undefined, 0);
		failNext("append", 1);
		await expect(write()).rejects.toBe(full);
		patience.begin();
		failNext("append", 2);
		const waiting = write();
		patience.end();
		await expect(waiting).rejects.toBe(full);
	});
});

describe("pause", () => {
	test("takes a waiting job out of the queue, and resume puts it back; a paused job can be cancelled", async () => {
		const { jobs, queue } = service();
		const { id } = await jobs.create(jobWith());
		expect(await jobs.pause(id)).toMatchObject({ state: "paused" });
		expect(await queue.depth()).toBe(0);
		expect(await jobs.pause(id)).toMatchObject({ state: "paused" });
		expect(await jobs.resume(id)).toMatchObject({ state: "queued", restarts: 1 });
		expect(await queue.depth()).toBe(1);
		await jobs.pause(id);
		expect(await jobs.cancel(id)).toMatchObject({ state: "cancelled", finishedAt: expect.any(Number) });
	});

	test("of a job that publishes or has ended is refused", async () => {
		const { jobs } = service();
		const { id } = await jobs.create(jobWith());
		for (const state of ["preparing", "training", "evaluating"] as const) await jobs.move(id, state, "test");
		for (const state of ["publishing", "succeeded"] as const) {
			await jobs.move(id, state, "test");
			await expect(jobs.pause(id)).rejects.toMatchObject({ reason: "STATE_CONFLICT", message: expect.stringContaining(state) });
		}
	});
});

describe("after a crash of the service", () => {
	test("a job that ran waits again before those that came later, until it has crashed too often", async () => {
		const { jobs, store } = service();
		const { id } = await jobs.create(jobWith());
		const later = await jobs.create(jobWith());
		for (let crash = 1; crash <= 3; crash++) {
			await jobs.move(id, "preparing", "test");
			const queue = new EmbeddedQueue();
			const next = service({ store, queue });
			await next.jobs.recover();
			expect(await jobs.get(id)).toMatchObject({ state: "queued", restarts: crash });
			const order: string[] = [];
			queue.start(async (job) => {
				order.push(job);
				return "ended";
			}, 1);
			await expect.poll(() => order).toEqual([id, later.id]);
		}
		await jobs.move(id, "preparing", "test");
		await jobs.recover();
		expect(await jobs.get(id)).toMatchObject({ state: "failed", error: { reason: "TRAINING_FAILED" } });
		const states = (await store.events(id, 1, 100)).flatMap(({ body }) => (body.kind === "state" ? [body.to] : []));
		expect(states.slice(0, 3)).toEqual(["preparing", "interrupted", "queued"]);
	});

	test("orderly stops do not count", async () => {
		const { jobs } = service();
		const { id } = await jobs.create(jobWith());
		for (let stop = 1; stop <= 6; stop++) {
			await jobs.move(id, "preparing", "test");
			await jobs.interrupt(await jobs.get(id));
			await jobs.recover();
			expect(await jobs.get(id)).toMatchObject({ state: "queued", restarts: stop });
		}
	});
});

describe("watch", () => {
	test("gives every event once and in order, whenever a watcher joins, leaves and comes back", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.constantFrom("write", "read", "rejoin"), { maxLength: 40 }), async (actions) => {
				const { jobs, store } = service();
				const { id } = await jobs.create(jobWith());
				const seen: number[] = [];
				let leave = new AbortController();
				const join = () => {
					const mine = leave;
					return (async () => {
						const events = await jobs.watch(id, (seen.at(-1) ?? 0) + 1, mine.signal);
						for await (const { sequence } of events) seen.push(sequence);
					})();
				};
				let watching = join();
				for (const action of actions) {
					if (action === "write") await jobs.record(id, { kind: "log", level: "info", message: "x" });
					else if (action === "read") await new Promise((resolve) => setImmediate(resolve));
					else {
						leave.abort();
						await watching;
						leave = new AbortController();
						watching = join();
					}
				}
				await jobs.move(id, "failed", "the end");
				await watching;
				expect(seen).toEqual((await store.events(id, 1, 1000)).map(({ sequence }) => sequence));
				await store.close();
			}),
			{ numRuns: 15 },
		);
	});

	test("of a job that has ended replays and ends; more than a page of it too", async () => {
		const { jobs } = service();
		const { id } = await jobs.create(jobWith());
		for (let i = 0; i < 1100; i++) await jobs.record(id, { kind: "log", level: "info", message: "x" });
		await jobs.move(id, "cancelled", "test");
		expect(await collect(await jobs.watch(id, 1, NEVER))).toHaveLength(1102);
		expect(await collect(await jobs.watch(id, 1102, NEVER))).toHaveLength(1);
		expect(await collect(await jobs.watch(id, 5000, NEVER))).toEqual([]);
	});

	test("of an unknown job is refused at once", async () => {
		const { jobs } = service();
		await expect(jobs.watch("job_x", 1, NEVER)).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
	});
});

test("base_model and dataset alone make a whole job", () => {
	expect(jobSettingsSchema.parse(jobWith())).toMatchObject({ noise: { ratio: 0.6 }, lora: { r: 16 }, training: { batch_size: 32 } });
});
