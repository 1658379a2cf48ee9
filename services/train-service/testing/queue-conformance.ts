/** What every JobQueue must do. */
import { describe, expect, test } from "vitest";
import type { JobClaim, JobId, JobQueue, JobRest } from "../jobs/index.js";

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

export interface QueueUnderTest {
	/** What running jobs may hold together. */
	readonly budgetBytes?: number;
}

const MIB = 2 ** 20;
const claim = (more: Partial<JobClaim> = {}): JobClaim => ({ user: "", priority: "normal", bytes: 0, ...more });

/** Runs the suite over queues that `open` makes, each empty. */
export function jobQueueConformance(name: string, open: (options?: QueueUnderTest) => JobQueue | Promise<JobQueue>): void {
	describe(name, () => {
		test("hands out in the order of arrival, as many at a time as it may", async () => {
			const queue = await open();
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
			const queue = await open();
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

		test("goes on after a handler that rejects, and hands its job out again later", async () => {
			const queue = await open();
			const { started, handler, end } = gate();
			queue.start(handler, 1);
			await queue.add(a);
			await queue.add(b);
			await expect.poll(() => started).toEqual([a]);
			end(a, new Error("broken"));
			await expect.poll(() => started).toEqual([a, b]);
			expect(await queue.depth()).toBe(1);
			end(b);
			await expect.poll(() => started, { timeout: 10_000 }).toEqual([a, b, a]);
			await queue.close();
		});

		test("takes a job out that waits to be tried again", async () => {
			const queue = await open();
			const { started, handler, end } = gate();
			queue.start(handler, 1);
			await queue.add(a);
			await expect.poll(() => started).toEqual([a]);
			end(a, new Error("broken"));
			await expect.poll(() => queue.remove(a)).toBe(true);
			expect(await queue.depth()).toBe(0);
			await queue.close();
		});

		test("hands a job that was put back out again", async () => {
			const queue = await open();
			const { started, handler, end } = gate();
			queue.start(handler, 1);
			await queue.add(a);
			await expect.poll(() => started).toEqual([a]);
			end(a, "put_back");
			await expect.poll(() => started).toEqual([a, a]);
			await queue.close();
		});

		test("has one entry of a job that is added twice, waiting or running; another once it is added after it rested", async () => {
			const queue = await open();
			const { started, handler, end } = gate();
			await queue.add(a);
			await queue.add(a);
			expect(await queue.depth()).toBe(1);
			queue.start(handler, 2);
			await expect.poll(() => started).toEqual([a]);
			await queue.add(a);
			await queue.add(b);
			await expect.poll(() => started).toEqual([a, b]);
			// Resumed, while the run that was cancelled comes to its end.
			await queue.add(a, claim({ round: 1 }));
			end(a);
			await expect.poll(() => started).toEqual([a, b, a]);
			await queue.close();
		});

		test("hands out by priority, and by turns between users", async () => {
			const queue = await open();
			const { started, handler, end } = gate();
			await queue.add(a, claim({ user: "x" }));
			await queue.add(b, claim({ user: "x" }));
			await queue.add(c, claim({ user: "y" }));
			await queue.add(d, claim({ user: "x", priority: "high" }));
			queue.start(handler, 1);
			for (const [i, id] of [d, a, c, b].entries()) {
				await expect.poll(() => started[i]).toBe(id);
				end(id);
			}
			await queue.close();
		});

		test("holds no more than its budget: what fits may overtake, but not for ever", async () => {
			const queue = await open({ budgetBytes: 4096 * MIB });
			const { started, handler, end } = gate();
			const large = claim({ bytes: 3000 * MIB });
			queue.start(handler, 4);
			await queue.add(a, large);
			await expect.poll(() => started).toEqual([a]);
			await queue.add(b, { ...large, user: "y" });
			const small = Array.from({ length: 6 }, (_, i) => `small-${i}` as JobId);
			for (const id of small) await queue.add(id, claim({ bytes: 900 * MIB, user: "z" }));
			// One beside the first large one; four in all before the second.
			for (let i = 0; i < 3; i++) {
				await expect.poll(() => started.length).toBe(2 + i);
				end(small[i]!);
			}
			await expect.poll(() => started.length).toBe(5);
			end(small[3]!);
			await new Promise((resolve) => setTimeout(resolve, 300));
			expect(started).not.toContain(b);
			expect(started).not.toContain(small[4]);
			expect(queue.heldBytes("none" as JobId)).toBe(3000 * MIB);
			end(a);
			await expect.poll(() => started).toContain(b);
			await queue.close();
		});

		test("runs a job alone whose memory is not known", async () => {
			const queue = await open({ budgetBytes: 4096 * MIB });
			const { started, handler, end } = gate();
			queue.start(handler, 4);
			await queue.add(a, claim({ bytes: 900 * MIB }));
			await expect.poll(() => started).toEqual([a]);
			await queue.add(b, claim({ bytes: Number.POSITIVE_INFINITY }));
			await new Promise((resolve) => setTimeout(resolve, 300));
			end(a);
			await expect.poll(() => started).toEqual([a, b]);
			await queue.add(c, claim({ bytes: 900 * MIB }));
			await new Promise((resolve) => setTimeout(resolve, 300));
			expect(started).toEqual([a, b]);
			end(b);
			await expect.poll(() => started).toEqual([a, b, c]);
			await queue.close();
		});

		test("when closed aborts what runs, waits for it, and hands out no more", async () => {
			const queue = await open();
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
