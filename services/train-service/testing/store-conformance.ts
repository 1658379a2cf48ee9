/** What every JobStore must do. */
import { beforeEach, describe, expect, test } from "vitest";
import { type Job, type JobEventBody, type JobStore, jobSettingsSchema, newJobId } from "../jobs/index.js";
import { jobWith } from "./index.js";

export function newJob(more: Partial<Job> = {}): Job {
	return { id: newJobId(), state: "queued", settings: jobSettingsSchema.parse(jobWith()), createdAt: 1, restarts: 0, ...more };
}

const log = (message: string): JobEventBody => ({ kind: "log", level: "info", message });
const reasonOf = (work: Promise<unknown>): Promise<unknown> =>
	work.then(
		() => undefined,
		(error: { reason?: string }) => error.reason,
	);

/** Runs the suite over stores that `open` makes, each empty. */
export function jobStoreConformance(name: string, open: () => JobStore | Promise<JobStore>): void {
	describe(name, () => {
		let store: JobStore;
		beforeEach(async () => {
			store = await open();
			return () => store.close();
		});

		test("gives a job back as it was put in, and does not know others", async () => {
			const job = newJob({ startedAt: 3, error: { reason: "X", message: "y" } });
			await store.insert(job);
			expect(await store.get(job.id)).toEqual(job);
			expect(await reasonOf(store.get(newJobId()))).toBe("JOB_NOT_FOUND");
		});

		test("returns the first job for a key that comes again, and refuses the key for another request", async () => {
			const first = await store.insert(newJob(), { key: "k", requestHash: "a" });
			expect(await store.insert(newJob(), { key: "k", requestHash: "a" })).toEqual(first);
			expect(await store.findByKey({ key: "k", requestHash: "a" })).toEqual(first);
			expect(await store.findByKey({ key: "other", requestHash: "a" })).toBeUndefined();
			expect(await reasonOf(store.insert(newJob(), { key: "k", requestHash: "b" }))).toBe("IDEMPOTENCY_CONFLICT");
			expect(await store.list({ limit: 10 })).toHaveLength(1);
		});

		test("lists newest first, by state, from before a job on", async () => {
			const jobs = [newJob(), newJob({ state: "failed" }), newJob()];
			for (const job of jobs) await store.insert(job);
			const ids = async (page: Parameters<JobStore["list"]>[0]) =>
				(await store.list(page)).map(({ id }) => jobs.findIndex((job) => job.id === id));
			expect(await ids({ limit: 10 })).toEqual([2, 1, 0]);
			expect(await ids({ limit: 2 })).toEqual([2, 1]);
			expect(await ids({ limit: 10, before: jobs[2]!.id })).toEqual([1, 0]);
			expect(await ids({ limit: 10, state: "queued" })).toEqual([2, 0]);
			expect(await ids({ limit: 10, state: "cancelled" })).toEqual([]);
		});

		test("numbers each job's events from 1 without gaps", async () => {
			const [a, b] = [await store.insert(newJob()), await store.insert(newJob())];
			for (const id of [a.id, b.id, a.id]) await store.append(id, log(id));
			await store.transition(a.id, "preparing", "go");
			expect((await store.events(a.id, 1, 10)).map(({ sequence, body }) => [sequence, body.kind])).toEqual([
				[1, "log"],
				[2, "log"],
				[3, "state"],
			]);
			expect((await store.events(b.id, 1, 10)).map(({ sequence }) => sequence)).toEqual([1]);
			expect((await store.events(a.id, 2, 1)).map(({ sequence }) => sequence)).toEqual([2]);
			expect(await store.events(a.id, 4, 10)).toEqual([]);
		});

		test("changes state and fields together with the event", async () => {
			const { id } = await store.insert(newJob());
			const { job, event } = await store.transition(id, "preparing", "go", { startedAt: 5 });
			expect(job).toEqual(await store.get(id));
			expect(job).toMatchObject({ state: "preparing", startedAt: 5 });
			expect(event).toMatchObject({ sequence: 1, body: { kind: "state", from: "queued", to: "preparing", reason: "go" } });
		});

		test("refuses a state that may not follow, and writes nothing then", async () => {
			const { id } = await store.insert(newJob());
			expect(await reasonOf(store.transition(id, "succeeded", "no", { startedAt: 5 }))).toBe("STATE_CONFLICT");
			expect(await store.get(id)).toMatchObject({ state: "queued" });
			expect((await store.get(id)).startedAt).toBeUndefined();
			expect(await store.events(id, 1, 10)).toEqual([]);
		});

		test("keeps settings and other fields when one field changes", async () => {
			const job = await store.insert(newJob());
			await store.append(job.id, log("x"), { restarts: 2 });
			expect(await store.get(job.id)).toEqual({ ...job, restarts: 2 });
			expect(await reasonOf(store.append(newJobId(), log("x")))).toBe("JOB_NOT_FOUND");
		});

		test("refuses what an attempt writes that the job was taken from", async () => {
			const { id } = await store.insert(newJob());
			await store.transition(id, "preparing", "first", { attempt: 1 }, 0);
			expect(await reasonOf(store.transition(id, "training", "unfenced by another", {}, 0))).toBe("STATE_CONFLICT");
			await store.append(id, log("mine"), {}, 1);
			await store.transition(id, "interrupted", "lost");
			await store.transition(id, "queued", "again");
			await store.transition(id, "preparing", "second", { attempt: 2 }, 1);
			expect(await reasonOf(store.append(id, log("late"), { restarts: 9 }, 1))).toBe("STATE_CONFLICT");
			expect(await reasonOf(store.transition(id, "failed", "late", {}, 1))).toBe("STATE_CONFLICT");
			expect(await store.get(id)).toMatchObject({ state: "preparing", attempt: 2, restarts: 0 });
			expect((await store.events(id, 1, 10)).map(({ body }) => (body.kind === "state" ? body.reason : body.kind))).toEqual([
				"first",
				"log",
				"lost",
				"again",
				"second",
			]);
		});

		test("gives a job to one of those that take it at once", async () => {
			const { id } = await store.insert(newJob());
			const takes = [1, 2, 3].map(() => store.transition(id, "preparing", "mine", { attempt: 1 }, 0));
			const outcomes = await Promise.allSettled(takes);
			expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
		});

		test("forgets a field that is set to nothing", async () => {
			const { id } = await store.insert(newJob({ error: { reason: "X", message: "y" }, wish: "pause" }));
			const { job } = await store.transition(id, "cancelled", "test", { error: undefined, wish: undefined });
			expect(job.error).toBeUndefined();
			expect(await store.get(id)).not.toHaveProperty("wish", "pause");
			expect(await store.state(id)).toBe("cancelled");
			expect(await reasonOf(store.state(newJobId()))).toBe("JOB_NOT_FOUND");
		});

		test("takes texts as they are: quotes, newlines, any script, and empty lists", async () => {
			const message = 'a "quoted" \\ line\nand \u2028 ünïcödé 漢字 🙂';
			const job = newJob({ settings: { ...newJob().settings, adapter_name: "x" }, user: message });
			await store.insert(job);
			await store.append(job.id, log(message));
			await store.append(job.id, { kind: "evaluation", values: { empty: [], object: {}, text: message, none: null } });
			await store.transition(job.id, "cancelled", message);
			const events = await store.events(job.id, 1, 10);
			expect(events.map(({ body }) => body)).toEqual([
				log(message),
				{ kind: "evaluation", values: { empty: [], object: {}, text: message, none: null } },
				{ kind: "state", from: "queued", to: "cancelled", reason: message },
			]);
			expect((await store.get(job.id)).user).toBe(message);
		});
	});
}
