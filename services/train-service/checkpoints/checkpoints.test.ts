import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { float32Tensor } from "@dak/shared/safetensors";
import { describe, expect, test } from "vitest";
import { scratchFolder } from "../testing/index.js";
import { type Checkpoint, CheckpointFolder, sweepCheckpoints } from "./index.js";

function checkpoint(step: number): Checkpoint {
	return {
		state: {
			format: 1,
			training: "a".repeat(64),
			step,
			data: { next_micro_batch: step, epoch: step / 10, seed: 7 },
			schedule: { scheduler: "linear", total_steps: 100, learning_rate: 3e-4, scale: 1 },
			backoffs: 0,
			loss: { smoothed: 1 / 3, best: 0.1 },
			device: "cpu",
			threads: 2,
		},
		tensors: {
			"parameter.a": float32Tensor(
				Float32Array.from({ length: 1000 }, (_, i) => step + i / 7),
				[10, 100],
			),
		},
	};
}

function opened(folder = scratchFolder()) {
	const broken: string[] = [];
	return { folder, broken, checkpoints: new CheckpointFolder(folder, { onBroken: (message) => broken.push(message) }) };
}

const names = (folder: string) => readdirSync(folder).sort();

test("a checkpoint comes back as it was written, to another process too, and sha256sum agrees", () => {
	const { folder, checkpoints } = opened();
	checkpoints.write(checkpoint(50), true);
	expect(opened(folder).checkpoints.newest()).toEqual(checkpoint(50));
	const said = execFileSync("sha256sum", ["-c", "SHA256SUMS"], { cwd: join(folder, "00000001-50-anchor"), encoding: "utf8" });
	expect(said).toBe("state.safetensors: OK\ncheckpoint.json: OK\n");
});

test("the last two are kept, and the newest anchor", () => {
	const { folder, checkpoints } = opened();
	for (const step of [10, 50, 60, 70, 80]) checkpoints.write(checkpoint(step), step % 50 === 0);
	expect(names(folder)).toEqual(["00000002-50-anchor", "00000004-70", "00000005-80"]);
	checkpoints.write(checkpoint(100), true);
	expect(names(folder)).toEqual(["00000005-80", "00000006-100-anchor"]);
	expect(checkpoints.newestAnchor()?.state.step).toBe(100);
});

test("the newest is the last that was written, also where its step is lower", () => {
	const { checkpoints } = opened();
	for (const step of [50, 60, 50]) checkpoints.write(checkpoint(step), false);
	expect(checkpoints.newest()?.state.step).toBe(50);
});

/** Flips one bit of a file. */
function flip(path: string, at: number): void {
	const bytes = readFileSync(path);
	bytes[at]! ^= 1;
	writeFileSync(path, bytes);
}

describe("a newest checkpoint that", () => {
	test.each<[string, (folder: string) => void]>([
		["has a flipped bit in a tensor", (folder) => flip(join(folder, "state.safetensors"), 3000)],
		["has a flipped bit in the tensors' header", (folder) => flip(join(folder, "state.safetensors"), 20)],
		["has a flipped bit in its state", (folder) => flip(join(folder, "checkpoint.json"), 130)],
		["has a flipped bit in its sums", (folder) => flip(join(folder, "SHA256SUMS"), 5)],
		["has tensors that were cut short", (folder) => truncateSync(join(folder, "state.safetensors"), 2000)],
		["has an empty state", (folder) => truncateSync(join(folder, "checkpoint.json"), 0)],
		["lacks its sums", (folder) => rmSync(join(folder, "SHA256SUMS"))],
		["lacks everything", (folder) => readdirSync(folder).forEach((name) => void rmSync(join(folder, name)))],
	])("%s is left aside with a word, and the one before is taken", (_, damage) => {
		const { folder, broken, checkpoints } = opened();
		checkpoints.write(checkpoint(50), true);
		checkpoints.write(checkpoint(60), false);
		damage(join(folder, "00000002-60"));
		expect(checkpoints.newest()).toEqual(checkpoint(50));
		expect(broken).toEqual([expect.stringMatching(/^the checkpoint at step 60 is broken and left aside: ./)]);
		// It takes no place of those that are kept, and its number is free again.
		checkpoints.write(checkpoint(70), false);
		expect(names(folder)).toEqual([".broken-00000002-60", "00000001-50-anchor", "00000002-70"]);
	});

	test("has no whole one before it leaves nothing to go on from", () => {
		const { folder, broken, checkpoints } = opened();
		for (const step of [50, 60]) checkpoints.write(checkpoint(step), false);
		for (const name of names(folder)) flip(join(folder, name, "state.safetensors"), 3000);
		expect(checkpoints.newest()).toBeUndefined();
		expect(broken).toHaveLength(2);
	});
});

test("one that cannot be written leaves nothing, and the ones before stay", () => {
	const { folder, checkpoints } = opened();
	checkpoints.write(checkpoint(50), false);
	const { tensors, ...rest } = checkpoint(60);
	const tooShort = { ...tensors["parameter.a"]!, data: new Uint8Array(5) };
	expect(() => checkpoints.write({ ...rest, tensors: { ...tensors, b: tooShort } }, false)).toThrow("tensor b");
	expect(names(folder)).toEqual(["00000001-50"]);
});

test("a folder that was taken away holds none, and one more cannot be written into it", () => {
	const { folder, checkpoints } = opened();
	checkpoints.write(checkpoint(10), true);
	rmSync(folder, { recursive: true });
	expect([checkpoints.newest(), checkpoints.newestAnchor()]).toEqual([undefined, undefined]);
	expect(() => checkpoints.write(checkpoint(20), false)).toThrowError(/ENOENT/);
});

test("what a killed writer left is removed at the next opening", () => {
	const { folder, checkpoints } = opened();
	checkpoints.write(checkpoint(50), false);
	mkdirSync(join(folder, ".writing-123"));
	writeFileSync(join(folder, ".writing-123", "state.safetensors"), "half");
	expect(opened(folder).checkpoints.newest()?.state.step).toBe(50);
	expect(names(folder)).toEqual(["00000001-50"]);
});

test("checkpoints go with their job: at once where it has succeeded, after a week where it may be resumed", async () => {
	const root = scratchFolder();
	const old = Date.now() / 1000 - 8 * 86_400;
	const jobs = { running: "always", failed: "for a while", "failed-long-ago": "for a while", succeeded: "no" } as const;
	for (const id of Object.keys(jobs)) mkdirSync(join(root, id));
	for (const id of ["running", "failed-long-ago"]) utimesSync(join(root, id), old, old);
	await sweepCheckpoints(root, async (id) => jobs[id as keyof typeof jobs]);
	expect(names(root)).toEqual(["failed", "running"]);
});
