/**
 * A training process for tests: it speaks the protocol and trains nothing. The adapter's name says how it behaves; max_steps how
 * many steps it takes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChildMessage, ParentMessage, ProgressMessage, StartMessage } from "../training/protocol.js";

let stopping = false;

const send = (message: ChildMessage | Record<string, unknown>) => process.send?.(message);

function progress(step: number, totalSteps: number): ProgressMessage {
	return {
		type: "progress",
		step,
		totalSteps,
		epoch: step / totalSteps,
		loss: 4 / step,
		learningRate: 3e-4,
		gradNorm: 1,
		stepSeconds: 0.5,
		tokens: 100,
		sentences: 10,
		tokensPerSecond: 200,
		sentencesPerSecond: 20,
		memoryBytes: 1.5e8,
		peakMemoryBytes: 2e8,
		deviceMemoryBytes: 0,
		etaSeconds: (totalSteps - step) / 2,
		backoffs: 0,
	};
}

function writeAdapter({ outputDir, settings, jobId }: StartMessage, verdict: string): void {
	mkdirSync(join(outputDir, "1_Pooling"), { recursive: true });
	writeFileSync(join(outputDir, "adapter_config.json"), '{"r":16}');
	writeFileSync(join(outputDir, "adapter_model.safetensors"), settings.adapter_name ?? "");
	writeFileSync(join(outputDir, "manifest.json"), JSON.stringify({ verdict, job_id: jobId }));
	writeFileSync(join(outputDir, "report.json"), JSON.stringify({ verdict, summary: "made up" }));
	writeFileSync(join(outputDir, "README.md"), "# made up");
	writeFileSync(join(outputDir, "1_Pooling", "config.json"), "{}");
	if (settings.output.merged_model) writeOutput(outputDir, "merged_model", "modules.json");
	if (settings.output.onnx) writeOutput(outputDir, "onnx", "onnx/model.onnx");
}

/** A file of an output below its folder. */
function writeOutput(outputDir: string, folder: string, file: string): void {
	const path = join(outputDir, folder, file);
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, "made up");
}

/** Steps of 20 ms; false if stopped in between. */
async function train({ settings }: StartMessage, heedStop: boolean): Promise<boolean> {
	send({ type: "state", state: "training" });
	const total = settings.training.max_steps ?? 3;
	for (let step = 1; step <= total; step++) {
		if (stopping && heedStop) {
			send({ type: "stopped", step });
			return false;
		}
		send(progress(step, total));
		await sleep(20);
	}
	return true;
}

const FAULTS: Readonly<Record<string, () => void>> = {
	crash: () => {
		console.error("a terrible thing happened");
		process.exitCode = 3;
		process.disconnect();
	},
	killed: () => process.kill(process.pid, "SIGKILL"),
	failed: () => {
		send({ type: "failed", reason: "TRAINING_FAILED", message: "step 2: loss NaN" });
		process.disconnect();
	},
	garbage: () => send({ type: "progress", step: "many" }),
	backwards: () => send({ type: "state", state: "training" }),
};

async function run(start: StartMessage): Promise<void> {
	const behaviour = start.settings.adapter_name?.split("-")[0] ?? "done";
	send({ type: "state", state: "preparing" });
	if (!(await train(start, behaviour !== "deaf"))) return process.disconnect();
	const fault = FAULTS[behaviour];
	if (fault) return fault();
	send({ type: "state", state: "evaluating" });
	send({ type: "evaluation", name: "sanity", values: { similarity_correlation: 0.98 } });
	writeAdapter(start, behaviour === "regressed" ? "regressed" : "unverified");
	send({ type: "done", peakMemoryBytes: 2e8 });
	// One that stays is ended by its parent.
	if (behaviour !== "lingers") process.disconnect();
}

process.on("message", (message: ParentMessage) => {
	if (message.type === "stop") stopping = true;
	else void run(message);
});
process.on("disconnect", () => process.exit());
