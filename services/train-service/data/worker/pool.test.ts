import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { datasetFile, type ReadOptions } from "../formats/index.js";
import { DEFAULT_PREPARATION } from "../prepare/index.js";
import { PreparationPool, type PreparationRequest } from "./index.js";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-pool-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function request(name: string, texts: readonly string[]): PreparationRequest & { kind: "prepare" } {
	const path = join(folder, `${name}.txt`);
	writeFileSync(path, texts.join("\n"));
	const read: ReadOptions = { maxTextBytes: 1000, maxBytes: 1e9, scratch: join(folder, `${name}.scratch`) };
	const outputs = { texts: join(folder, `${name}.jsonl`), validation: join(folder, `${name}.held-out`) };
	return { kind: "prepare", files: [datasetFile(path)], read, outputs, options: DEFAULT_PREPARATION, base: undefined };
}

const many = (count: number) => Array.from({ length: count }, (_, i) => `text of some length that has the number ${i} in it, and ${i * 7}`);

test("a thread prepares while this one goes on, and serves again", async () => {
	const pool = new PreparationPool(1);
	let longest = 0;
	let last = performance.now();
	const timer = setInterval(() => {
		longest = Math.max(longest, performance.now() - last);
		last = performance.now();
	}, 5);
	const [first, second] = await Promise.all([pool.run(request("a", many(50_000))), pool.run(request("b", many(3000)))]);
	clearInterval(timer);
	expect(first.statistics!.texts).toBe(50_000);
	expect(second.statistics!.texts).toBe(3000);
	expect(readFileSync(join(folder, "b.jsonl"), "utf8").split("\n")).toHaveLength(3001);
	expect(longest).toBeLessThan(1000);
});

test("a refusal comes back as it was thrown, and the thread serves on", async () => {
	const pool = new PreparationPool(1);
	await expect(pool.run(request("a", ["1", "2"]))).rejects.toMatchObject({
		reason: "INVALID_DATASET",
		fields: [{ pointer: "/dataset", detail: expect.stringContaining("without a single letter") }],
	});
	expect(await pool.run({ ...request("b", ["red hat", "blue hat"]), kind: "inspect" })).toEqual({ kind: "done" });
});

test("what is broken off ends at once, and the next request is served", async () => {
	const pool = new PreparationPool(1);
	const abort = new AbortController();
	const running = pool.run(request("a", many(200_000)), abort.signal);
	await expect.poll(() => existsSync(join(folder, "a.jsonl.cleaned")), { timeout: 20_000 }).toBe(true);
	abort.abort();
	await expect(running).rejects.toMatchObject({ reason: "CANCELLED" });
	await expect(pool.run(request("c", many(10)), AbortSignal.abort())).rejects.toMatchObject({ reason: "CANCELLED" });
	expect((await pool.run(request("b", many(10)))).statistics!.texts).toBe(10);
});

test("a damaged file over which the library runs in circles is given up, and the next request is served", async () => {
	const pool = new PreparationPool(1, 1500);
	const files = [datasetFile(join(import.meta.dirname, "fixtures", "endless.parquet"))];
	const read: ReadOptions = { textColumn: "title", maxTextBytes: 1000, maxBytes: 1e9, scratch: join(folder, "endless.scratch") };
	for (const kind of ["inspect", "sample"] as const) {
		await expect(pool.run({ kind, files, read, bytes: 400, limit: 10 })).rejects.toMatchObject({
			reason: "INVALID_DATASET",
			message: expect.stringContaining("no text came"),
		});
	}
	expect((await pool.run(request("b", many(10)))).statistics!.texts).toBe(10);
});
