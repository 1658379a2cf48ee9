/** What every JobQueue must do. */
import { describe, expect, test } from "vitest";
import type { JobId, JobQueue, JobRest } from "../jobs/index.js";

const [a, b, c, d] = ["a", "b", "c", "d"] as [JobId, JobId, JobId, JobId];

/** A handler whose jobs end when told to. */
function gate() {
	const started: JobId[] = [];
	const ends = new Map<JobId, (rest?: JobRest | Error) => void>();
	const handler = (id: JobId, signal: AbortSignal) => {
		started.push(id);
		return new Promise<JobRest>((resolve, reject) => {
			ends.set(id, (rest = "ended") => (rest instanceof Error ? reject(rest) : resolve(rest)));
			signal.addEventListener("abort", () => resolve("put_back"));
		});
	};
	return { started, handler, end: (id: JobId, rest?: JobRest | Error) => ends.get(id)!(rest) };
}

/** Runs the suite over queues that `open` makes, each empty. */
export function jobQueueConformance(name: string, open: () => JobQueue): void {
	describe(name, () => {
		test("hands out in the order of arrival, as many at a time as it may", async () => {
			const queue = open();
			const { started, handler, end } = gate();
			for (const id of [a, b, c, d]) await queue.add(id);
			expect(await queue.depth()).toBe(4);
			queue.start(handler, 2);
			await expect.poll(() => started).toEqual([a, b]);
			expect(await queue.depth()).toBe(2);
			end(b);
			await expect.poll(() => started).toEqual([a, b, c]);
			await queue.close();
		});

		test("takes a waiting job out, and says so where it does not wait", async () => {
			const queue = open();
			const { started, handler, end } = gate();
			queue.start(handler, 1);
			for (const id of [a, b, c]) await queue.add(id);
			await expect.poll(() => started).toEqual([a]);
			expect(await queue.remove(b)).toBe(true);
			expect(await queue.remove(b)).toBe(false);
			expect(await queue.remove(a)).toBe(false);
			end(a);
			await expect.poll(() => started).toEqual([a, c]);
			await queue.close();
		});

		test("goes on after a handler that rejects", async () => {
			const queue = open();
			const { started, handler, end } = gate();
			queue.start(handler, 1);
			await queue.add(a);
			await queue.add(b);
			await expect.poll(() => started).toEqual([a]);
			end(a, new Error("broken"));
			await expect.poll(() => started).toEqual([a, b]);
			await queue.close();
		});

		test("when closed aborts what runs, waits for it, and hands out no more", async () => {
			const queue = open();
			const { started, handler } = gate();
			queue.start(handler, 1);
			await queue.add(a);
			await queue.add(b);
			await expect.poll(() => started).toEqual([a]);
			await queue.close();
			await queue.add(c);
			expect(started).toEqual([a]);
		});
	});
}
