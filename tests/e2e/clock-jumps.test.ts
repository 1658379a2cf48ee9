/** The machine's clock is set a day forward and a day back while something waits: whatever takes a while takes as long as before. */
import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Scheduler } from "../../services/embed-service/batching/index.js";
import { EmbeddedQueue, EventHub, type JobId, JobService, LibsqlJobStore, LocalBus } from "../../services/train-service/jobs/index.js";
import { collect, type JobJson, jobWith, scratchFolder, startService } from "../../services/train-service/testing/index.js";
import { newJob } from "../../services/train-service/testing/store-conformance.js";
import { withLock } from "../../shared/models/lock.js";

const DAY_MS = 86_400_000;
const JUMPS = [
	["forward", DAY_MS],
	["back", -DAY_MS],
] as const;

const RealDate = Date;
let offsetMs = 0;

/** The clock alone: timers and durations go on, as they do on a machine. */
class SetDate extends RealDate {
	constructor(...args: [] | [number]) {
		super(args[0] ?? SetDate.now());
	}

	static override now(): number {
		return RealDate.now() + offsetMs;
	}
}

beforeEach(() => {
	offsetMs = 0;
	vi.stubGlobal("Date", SetDate);
});
afterEach(() => void vi.unstubAllGlobals());

const jump = (ms: number) => {
	offsetMs += ms;
};

async function secondsOf(work: Promise<unknown>): Promise<number> {
	const started = performance.now();
	await work;
	return (performance.now() - started) / 1000;
}

describe.each(JUMPS)("a day %s", (_, ms) => {
	test("requests that wait for a batch are answered, and one too many is told the same wait", async () => {
		const runner = { dimension: 1, lanes: 1, embed: (texts: readonly unknown[]) => sleep(50).then(() => new Float32Array(texts.length)) };
		const limits = { maxBatchTokens: 8, maxBatchTexts: 4, maxQueueTexts: 16, maxQueueTokens: 64, maxQueueMs: 5000 };
		const scheduler = new Scheduler(runner, limits);
		const text = { ids: Int32Array.of(1, 2), adapter: undefined };
		const retryAfter = () =>
			scheduler.submit([text]).then(
				() => undefined,
				(error: { reason: string; retryAfterMs: number }) => [error.reason, error.retryAfterMs],
			);
		const asked = Array.from({ length: 16 }, () => scheduler.submit([text]));
		const before = await retryAfter();
		jump(ms);
		expect(before).toEqual(["OVERLOADED", expect.any(Number)]);
		expect(await retryAfter()).toEqual(before);
		for (const { queueMs, inferenceMs } of await Promise.all(asked)) {
			for (const took of [queueMs, inferenceMs]) expect(took).toBeGreaterThanOrEqual(0);
			expect(queueMs + inferenceMs).toBeLessThan(10_000);
		}
		expect(scheduler.queuedTexts).toBe(0);
	});

	test("a job that is to be tried again later is", async () => {
		const queue = new EmbeddedQueue({ backoff: () => 200 });
		let tries = 0;
		const ended = new Promise<void>((resolve) => {
			queue.start(async () => {
				if (++tries === 1) throw new Error("not now");
				resolve();
				return "ended";
			}, 1);
		});
		await queue.add("job_1" as JobId);
		await expect.poll(() => tries).toBe(1);
		jump(ms);
		expect(await secondsOf(ended)).toBeLessThan(10);
		await queue.close();
	});

	test("a job that trains goes on to its end, and its events come in order", async () => {
		const service = await startService();
		const { id } = await service.create(jobWith({ adapter_name: "slow", training: { max_steps: 40 } }));
		const watching = collect(service.events(id));
		await service.until(id, "training");
		jump(ms);
		await vi.waitFor(async () => expect((await service.get(id)).state).toBe("succeeded"), { timeout: 20_000 });
		const events = await watching;
		expect(events.flatMap(({ event, data }) => (event === "progress" ? [data.step] : []))).toEqual(
			Array.from({ length: 40 }, (_, i) => i + 1),
		);
	});

	test("jobs stand in the list, and wait, in the order in which they came, also after a restart", async () => {
		const folder = scratchFolder();
		const first = await startService(folder);
		const running = await first.create(jobWith({ adapter_name: "slow", training: { max_steps: 100_000 } }));
		await first.until(running.id, "training");
		const before = await first.create(jobWith());
		await first.stop();
		jump(ms);
		const second = await startService(folder);
		const after = await second.create(jobWith());
		const { jobs } = (await (await fetch(`${second.url}/v1/jobs`)).json()) as { jobs: JobJson[] };
		expect(jobs.map(({ id }) => id)).toEqual([after.id, before.id, running.id]);
		expect((await second.cancel(running.id)).status).toBe(202);
	});

	test("a job that another service did not live to put into the queue is put there", async () => {
		const store = new LibsqlJobStore(join(scratchFolder(), "jobs.db"));
		const [queue, bus] = [new EmbeddedQueue(), new LocalBus()];
		const options = { store, queue, bus, events: new EventHub(store, bus), maxQueued: 10, onState: () => {} };
		const jobs = new JobService({ ...options, admit: async (settings) => ({ settings }) });
		await store.insert(newJob({ createdAt: Date.now() }));
		await jobs.reconcile(15_000);
		// It may still be under way.
		expect(await queue.depth()).toBe(0);
		jump(ms);
		await jobs.reconcile(15_000);
		expect(await queue.depth()).toBe(1);
		await store.close();
	});

	test("a lock that is held keeps others out", async () => {
		const path = join(scratchFolder(), "lock");
		const told: string[] = [];
		const held = withLock(path, () => sleep(6500).then(() => void told.push("first")));
		jump(ms);
		await withLock(path, async () => void told.push("second"));
		await held;
		expect(told).toEqual(["first", "second"]);
	});
});

test("a lock that a killed process left is taken over, whatever the clock was when it left it", async () => {
	const path = join(scratchFolder(), "lock");
	writeFileSync(path, "");
	const tomorrow = (Date.now() + DAY_MS) / 1000;
	utimesSync(path, tomorrow, tomorrow);
	expect(await secondsOf(withLock(path, async () => {}))).toBeLessThan(30);
	expect(existsSync(path)).toBe(false);
});
