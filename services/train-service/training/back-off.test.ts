/** A loss that runs away: back to the last anchor with a lower learning rate, once; then a clear end. The real process on a small base. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSafetensors, writeSafetensors } from "@dak/shared/safetensors";
import { expect, test, vi } from "vitest";
import { scratchFolder } from "../testing/index.js";
import { TrainingBench } from "../testing/training-bench.js";

// Several processes each, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

/**
 * With weight decay 1 the decoder's parameters are multiplied by 1 − rate in each step. Its rate is 10/3 of `learning_rate`: at 1
 * that is −2.3, and they grow beyond all numbers; at a quarter of it they shrink, and training ends well. The warm-up delays it.
 */
const RUNAWAY = {
	max_length: 16,
	lora: { r: 4 },
	// A stronger one makes the loss rise from the first step on.
	objective: { anchor: 30 },
	training: { max_steps: 130, batch_size: 4, learning_rate: 1, weight_decay: 1, scheduler: "constant", warmup: 0.1 },
	checkpoint: { every_steps: 4 },
};
const BACK =
	/^step (\d+): loss (?:NaN|Infinity), gradient norm \S+; goes back to step (\d+) with the learning rate lowered from 1 to 0\.25, once$/;

const backOff = (logs: readonly string[]) => logs.flatMap((line) => BACK.exec(line)?.slice(1).map(Number) ?? []);

test("a loss that is not finite leads back to a step at which it was in good order, with a quarter of the learning rate", async () => {
	const bench = new TrainingBench(scratchFolder(), RUNAWAY);
	const { logs, messages, outcome } = await bench.start();
	expect(outcome).toEqual({ kind: "done" });
	const [failed, to] = backOff(logs);
	const progress = messages.flatMap((message) => (message.type === "progress" ? [message] : []));
	// In the warm-up, before the loss rose: not the newest checkpoint, which is as good as lost.
	expect(to).toBeGreaterThan(0);
	expect(to).toBeLessThan(16);
	const [before, after] = [0, 1].map((backoffs) => progress.filter((message) => message.backoffs === backoffs));
	expect(before!.map(({ step }) => step)).toEqual(Array.from({ length: failed! - 1 }, (_, i) => i + 1));
	expect(after!.map(({ step }) => step)).toEqual(Array.from({ length: 130 - to! }, (_, i) => to! + i + 1));
	expect(after!.at(-1)!.learningRate).toBe(0.25);
	expect(after!.at(-1)!.loss).toBeLessThan(10);
	expect(bench.curve()).toHaveLength(130);
});

test("interrupted before and after a back-off, it comes to the same bytes", async () => {
	const reference = new TrainingBench(scratchFolder(), RUNAWAY);
	const [failed] = backOff((await reference.start()).logs);
	expect(failed).toBeGreaterThan(50);
	const bench = new TrainingBench(scratchFolder(), RUNAWAY);
	const killAt = (backoffs: number, step: number) =>
		bench.start((message, child) => {
			if (message.type === "progress" && message.backoffs === backoffs && message.step === step) child.kill();
		});
	await killAt(0, failed! - 20);
	await killAt(1, failed! - 20);
	const last = await bench.start();
	expect(last.outcome).toEqual({ kind: "done" });
	expect(backOff(last.logs)).toEqual([]);
	expect(bench.sha256()).toBe(reference.sha256());
	expect(bench.curve()).toEqual(reference.curve());
});

test("a second time the job fails and says what was tried", async () => {
	const folder = scratchFolder();
	const bench = new TrainingBench(folder, { max_length: 16, lora: { r: 4 }, training: { max_steps: 3, batch_size: 4 } });
	await bench.start();
	// An adapter whose factors multiply to more than a number can be, to begin with.
	cpSync(bench.outputDir, join(folder, "initial"), { recursive: true });
	rmSync(join(folder, "initial", "manifest.json"));
	inflate(join(folder, "initial", "adapter_model.safetensors"));
	rmSync(bench.checkpointDir, { recursive: true });
	const { outcome, logs } = await bench.start();
	expect(logs.at(-1)).toMatch(/^step 1: loss NaN.*goes back to step 0 with the learning rate lowered from 0\.0003 to 0\.000075, once$/);
	expect(outcome).toEqual({
		kind: "failed",
		reason: "TRAINING_FAILED",
		message: expect.stringMatching(
			/^step 1: loss NaN.*also after going back with the learning rate lowered from 0\.0003 to 0\.000075; try/,
		),
	});
});

function inflate(path: string): void {
	const file = openSafetensors(path);
	const tensors = Object.fromEntries(
		[...file.tensors.keys()].map((name) => {
			const { data, ...rest } = file.bytes(name);
			return [name, { ...rest, data: new Uint8Array(new Float32Array(data.byteLength / 4).fill(1e30).buffer) }];
		}),
	);
	file.close();
	writeSafetensors(path, tensors);
}
