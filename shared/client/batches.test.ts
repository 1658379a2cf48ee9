import fc from "fast-check";
import { expect, test } from "vitest";
import { batchesOf, mapInOrder } from "./batches.js";

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const value of values) all.push(value);
	return all;
}

test("batches hold every text once, in order, within the limits; only a text that is too long by itself exceeds them", async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.string({ maxLength: 12 })),
			fc.integer({ min: 1, max: 5 }),
			fc.integer({ min: 1, max: 20 }),
			async (texts, count, characters) => {
				const batches = await collect(batchesOf(texts, { texts: count, characters }));
				expect(batches.flat()).toEqual(texts);
				for (const batch of batches) {
					expect(batch.length).toBeGreaterThan(0);
					expect(batch.length).toBeLessThanOrEqual(count);
					if (batch.length > 1) expect(batch.join("").length).toBeLessThanOrEqual(characters);
				}
			},
		),
	);
});

async function* numbers(count: number) {
	for (let i = 0; i < count; i++) yield i;
}

test("results come in order, whichever is ready first, and no more than allowed are under way", async () => {
	let running = 0;
	let most = 0;
	const results = mapInOrder(numbers(12), 3, undefined, async (value) => {
		most = Math.max(most, ++running);
		await new Promise((wake) => setTimeout(wake, value % 3 === 0 ? 10 : 1));
		running--;
		return value;
	});
	expect(await collect(results)).toEqual(Array.from({ length: 12 }, (_, i) => i));
	expect(most).toBe(3);
});

test("the first failure ends it and aborts what is under way", async () => {
	const aborted: number[] = [];
	const results = mapInOrder(numbers(10), 3, undefined, (value, signal) => {
		if (value === 1) return Promise.reject(new Error("no"));
		signal.addEventListener("abort", () => aborted.push(value));
		return value === 0 ? Promise.resolve(0) : new Promise<number>(() => {});
	});
	await expect(collect(results)).rejects.toThrow("no");
	expect(aborted).toEqual([0, 2, 3]);
});
