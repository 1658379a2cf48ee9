import { createLogger } from "@dak/shared/observability";
import { expect, test } from "vitest";
import { jobSettingsSchema } from "../jobs/index.js";
import { fakeProcess, jobWith, scratchFolder } from "../testing/index.js";
import type { ChildMessage } from "../training/index.js";
import { TrainingChild } from "./child.js";

function start(adapter_name: string, steps: number, onMessage: (message: ChildMessage) => void = () => {}): TrainingChild {
	const folder = scratchFolder();
	return new TrainingChild(
		{
			type: "start",
			jobId: "job_1",
			settings: jobSettingsSchema.parse(jobWith({ adapter_name, training: { max_steps: steps } })),
			textsFile: "",
			modelPath: "",
			workDir: folder,
			checkpointDir: folder,
			outputDir: folder,
			threads: 1,
		},
		{ entry: fakeProcess(), logger: createLogger("test", "silent"), onMessage, graceMs: 300 },
	);
}

test("a process that does not stop when asked is killed after the grace, and counts as stopped", async () => {
	const messages: ChildMessage[] = [];
	const child = start("deaf", 10_000, (message) => messages.push(message));
	await expect.poll(() => messages.at(-1)?.type, { timeout: 20_000 }).toBe("progress");
	child.stop();
	expect(await child.ended).toEqual({ kind: "stopped" });
});

test("a process that stays after its last message is ended, and its outcome stands", async () => {
	expect(await start("lingers", 1).ended).toEqual({ kind: "done" });
});

test("a program that does not exist fails the job", async () => {
	const messages: ChildMessage[] = [];
	const child = new TrainingChild({ type: "start" } as never, {
		entry: { file: "/no/such/program.js", execArgv: [] },
		logger: createLogger("test", "silent"),
		onMessage: (message) => void messages.push(message),
		graceMs: 300,
	});
	expect(await child.ended).toMatchObject({ kind: "failed", message: expect.stringContaining("Cannot find module") });
});
