/** kill -9 at any moment, then another start: the same adapter, byte for byte, as without it. The real process on a small base. */
import { existsSync, readdirSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "@dak/shared/nn";
import { expect, onTestFinished, test, vi } from "vitest";
import { scratchFolder } from "../testing/index.js";
import { type Attempt, TrainingBench } from "../testing/training-bench.js";
import type { ChildMessage } from "./index.js";

// Several processes each, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const STEPS = 24;
const JOB = {
	max_length: 16,
	lora: { r: 4 },
	training: { max_steps: STEPS, batch_size: 4, gradient_accumulation: 2, learning_rate: 1e-2, scheduler: "cosine", weight_decay: 0.01 },
	checkpoint: { every_steps: 5 },
};
const KILLED = { kind: "killed", message: expect.stringContaining("SIGKILL") };

let known: Promise<{ readonly sha256: string; readonly curve: unknown }> | undefined;

/** What the job comes to when nothing disturbs it. */
function undisturbed() {
	known ??= (async () => {
		const bench = new TrainingBench(scratchFolder(), JOB);
		const { outcome, steps } = await bench.start();
		expect(outcome).toEqual({ kind: "done" });
		expect(steps).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
		return { sha256: bench.sha256(), curve: bench.curve() };
	})();
	return known;
}

async function expectSameAdapter(bench: TrainingBench, last: Attempt): Promise<void> {
	expect(last.outcome).toEqual({ kind: "done" });
	expect({ sha256: bench.sha256(), curve: bench.curve() }).toEqual(await undisturbed());
}

test("the same job gives the same bytes, and another seed others", async () => {
	const again = new TrainingBench(scratchFolder(), JOB);
	await expectSameAdapter(again, await again.start());
	const other = new TrainingBench(scratchFolder(), { ...JOB, training: { ...JOB.training, seed: 8 } });
	await other.start();
	expect(other.sha256()).not.toBe((await undisturbed()).sha256);
});

const stepIs = (step: number) => (message: ChildMessage) => message.type === "progress" && message.step === step;

test.each<[string, (message: ChildMessage) => boolean, (from: number) => boolean]>([
	["before the first checkpoint", stepIs(3), (from) => from === 1 || from === 6],
	["right after a checkpoint", (message) => message.type === "checkpoint" && message.step === 10, (from) => from === 11 || from === 16],
	["between two checkpoints", stepIs(13), (from) => from === 11 || from === 16],
	["in evaluation", (message) => message.type === "state" && message.state === "evaluating", (from) => from === STEPS + 1],
])("killed %s", async (_, moment, goesOnFrom) => {
	const bench = new TrainingBench(scratchFolder(), JOB);
	const first = await bench.start((message, child) => moment(message) && child.kill());
	expect(first.outcome).toEqual(KILLED);
	const second = await bench.start();
	expect(second.steps[0] ?? STEPS + 1).toSatisfy(goesOnFrom);
	await expectSameAdapter(bench, second);
});

test("killed while it writes a checkpoint: what was half there is swept, and the one before is gone on from", async () => {
	const bench = new TrainingBench(scratchFolder(), JOB);
	let halfWritten = 0;
	for (let attempt = 0; attempt < 3; attempt++) {
		await bench.start((message, child) => {
			if (message.type !== "state" || message.state !== "training") return;
			const watcher = watch(bench.checkpointDir, (_, name) => name?.startsWith(".writing") && child.kill());
			onTestFinished(() => watcher.close());
		});
		halfWritten += readdirSync(bench.checkpointDir).filter((name) => name.startsWith(".writing")).length;
	}
	expect(halfWritten).toBeGreaterThan(0);
	const last = await bench.start();
	expect(readdirSync(bench.checkpointDir).filter((name) => name.startsWith(".writing"))).toEqual([]);
	await expectSameAdapter(bench, last);
});

test("killed again and again at moments of chance", async () => {
	const bench = new TrainingBench(scratchFolder(), { ...JOB, checkpoint: { every_steps: 2 } });
	const random = new Random(Number(process.env.DAK_TEST_SEED ?? Date.now()));
	let last: Attempt;
	let kills = 0;
	do {
		let messages = kills < 3 ? 1 + random.below(STEPS) : Number.POSITIVE_INFINITY;
		last = await bench.start((_, child) => {
			if (--messages === 0) void sleep(random.below(10)).then(() => child.kill());
		});
		if (last.outcome.kind === "killed") kills++;
	} while (last.outcome.kind === "killed");
	expect(kills).toBeGreaterThan(0);
	await expectSameAdapter(bench, last);
});

test("stopped in good order it keeps its last step, and goes on with the next", async () => {
	const bench = new TrainingBench(scratchFolder(), { ...JOB, checkpoint: { every_steps: 1000 } });
	const first = await bench.start((message, child) => stepIs(7)(message) && child.stop());
	expect(first.outcome).toEqual({ kind: "stopped" });
	const second = await bench.start();
	expect(second.steps[0]).toBe(first.steps.at(-1)! + 1);
	expect(second.logs).toContain(`goes on from the checkpoint at step ${first.steps.at(-1)} of ${STEPS}`);
	await expectSameAdapter(bench, second);
});

test("checkpoints that cannot be written are told, and cost nothing else", async () => {
	const bench = new TrainingBench(scratchFolder(), JOB);
	const attempt = await bench.start((message) => {
		if (message.type === "state" && message.state === "training") rmSync(bench.checkpointDir, { recursive: true, force: true });
	});
	expect(
		attempt.logs.filter((line) => /^the checkpoint at step \d+ could not be written \(ENOENT.*training goes on$/.test(line)).length,
	).toBeGreaterThan(0);
	await expectSameAdapter(bench, attempt);
});

test("a checkpoint of other texts is not gone on from, and stays", async () => {
	const folder = scratchFolder();
	await new TrainingBench(folder, JOB).start((message, child) => stepIs(7)(message) && child.kill());
	const other = new TrainingBench(folder, { ...JOB, noise: { ratio: 0.3 } });
	const { outcome } = await other.start();
	expect(outcome).toEqual({ kind: "failed", reason: "STATE_CONFLICT", message: expect.stringContaining("checkpoint at step") });
	expect(existsSync(join(folder, "output", "adapter_model.safetensors"))).toBe(false);
	expect(readdirSync(other.checkpointDir).length).toBeGreaterThan(0);
});
