/** What every JobStore must do. */
import { beforeEach, describe, expect, test } from "vitest";
import { type Job, type JobEventBody, type JobStore, jobSettingsSchema, newJobId } from "../jobs/index.js";
import { jobWith } from "./index.js";

export function newJob(more: Partial<Job> = {}): Job {
	return { id: newJobId(), state: "queued", settings: jobSettingsSchema.parse(jobWith()), createdAt: 1, restarts: 0, ...more };
}

const log = (message: string): JobEventBody => ({ kind: "log", level: "info", message });
const reasonOf = (work: () => unknown): unknown => {
	try {
		work();
	} catch (error) {
		return (error as { reason?: string }).reason;
	}
	return undefined;
};

/** Runs the suite over stores that `open` makes, each empty. */
export function jobStoreConformance(name: string, open: () => JobStore): void {
	describe(name, () => {
		let store: JobStore;
		beforeEach(() => {
			store = open();
			return () => store.close();
		});

		test("gives a job back as it was put in, and does not know others", () => {
			const job = newJob({ startedAt: 3, error: { reason: "X", message: "y" } });
			store.insert(job);
			expect(store.get(job.id)).toEqual(job);
			expect(reasonOf(() => store.get(newJobId()))).toBe("JOB_NOT_FOUND");
		});

		test("returns the first job for a key that comes again, and refuses the key for another request", () => {
			const first = store.insert(newJob(), { key: "k", requestHash: "a" });
			expect(store.insert(newJob(), { key: "k", requestHash: "a" })).toEqual(first);
			expect(store.findByKey({ key: "k", requestHash: "a" })).toEqual(first);
			expect(store.findByKey({ key: "other", requestHash: "a" })).toBeUndefined();
			expect(reasonOf(() => store.insert(newJob(), { key: "k", requestHash: "b" }))).toBe("IDEMPOTENCY_CONFLICT");
			expect(store.list({ limit: 10 })).toHaveLength(1);
		});

		test("lists newest first, by state, from before a job on", () => {
			const jobs = [newJob(), newJob({ state: "failed" }), newJob()];
			for (const job of jobs) store.insert(job);
			const ids = (page: Parameters<JobStore["list"]>[0]) => store.list(page).map(({ id }) => jobs.findIndex((job) => job.id === id));
			expect(ids({ limit: 10 })).toEqual([2, 1, 0]);
			expect(ids({ limit: 2 })).toEqual([2, 1]);
			expect(ids({ limit: 10, before: jobs[2]!.id })).toEqual([1, 0]);
			expect(ids({ limit: 10, state: "queued" })).toEqual([2, 0]);
			expect(ids({ limit: 10, state: "cancelled" })).toEqual([]);
		});

		test("numbers each job's events from 1 without gaps", () => {
			const [a, b] = [store.insert(newJob()), store.insert(newJob())];
			for (const id of [a.id, b.id, a.id]) store.append(id, log(id));
			store.transition(a.id, "preparing", "go");
			expect(store.events(a.id, 1, 10).map(({ sequence, body }) => [sequence, body.kind])).toEqual([
				[1, "log"],
				[2, "log"],
				[3, "state"],
			]);
			expect(store.events(b.id, 1, 10).map(({ sequence }) => sequence)).toEqual([1]);
			expect(store.events(a.id, 2, 1).map(({ sequence }) => sequence)).toEqual([2]);
			expect(store.events(a.id, 4, 10)).toEqual([]);
		});

		test("changes state and fields together with the event", () => {
			const { id } = store.insert(newJob());
			const { job, event } = store.transition(id, "preparing", "go", { startedAt: 5 });
			expect(job).toEqual(store.get(id));
			expect(job).toMatchObject({ state: "preparing", startedAt: 5 });
			expect(event).toMatchObject({ sequence: 1, body: { kind: "state", from: "queued", to: "preparing", reason: "go" } });
		});

		test("refuses a state that may not follow, and writes nothing then", () => {
			const { id } = store.insert(newJob());
			expect(reasonOf(() => store.transition(id, "succeeded", "no", { startedAt: 5 }))).toBe("STATE_CONFLICT");
			expect(store.get(id)).toMatchObject({ state: "queued" });
			expect(store.get(id).startedAt).toBeUndefined();
			expect(store.events(id, 1, 10)).toEqual([]);
		});

		test("keeps settings and other fields when one field changes", () => {
			const job = store.insert(newJob());
			store.append(job.id, log("x"), { restarts: 2 });
			expect(store.get(job.id)).toEqual({ ...job, restarts: 2 });
			expect(reasonOf(() => store.append(newJobId(), log("x")))).toBe("JOB_NOT_FOUND");
		});
	});
}
