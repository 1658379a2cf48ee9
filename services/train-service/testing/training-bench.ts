/** One job's real training process on a small base, started as often as a test likes, with all that outlives it in one folder. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLogger } from "@dak/shared/observability";
import { jobSettingsSchema } from "../jobs/index.js";
import { type Outcome, TrainingChild } from "../supervision/index.js";
import { type ChildMessage, trainingProcess } from "../training/index.js";
import { jobWith } from "./index.js";
import { SMALL_TEXTS, writeSmallBase } from "./small-base.js";

export interface Attempt {
	readonly outcome: Outcome;
	readonly messages: readonly ChildMessage[];
	/** Numbers of the steps that were taken. */
	readonly steps: readonly number[];
	readonly logs: readonly string[];
}

export class TrainingBench {
	readonly checkpointDir: string;
	readonly outputDir: string;
	readonly modelPath: string;

	constructor(
		private readonly folder: string,
		private readonly more: Record<string, unknown> = {},
	) {
		this.checkpointDir = join(folder, "checkpoints");
		this.outputDir = join(folder, "output");
		mkdirSync(this.checkpointDir, { recursive: true });
		this.modelPath = writeSmallBase(join(folder, "base"));
		writeFileSync(join(folder, "texts.jsonl"), SMALL_TEXTS.map((text) => `${JSON.stringify(text)}\n`).join(""));
	}

	/** Starts the process and waits for its end; `onMessage` may end it before. */
	async start(onMessage: (message: ChildMessage, child: TrainingChild) => void = () => {}): Promise<Attempt> {
		// A fresh folder for each attempt, as the service gives it.
		rmSync(this.outputDir, { recursive: true, force: true });
		mkdirSync(this.outputDir);
		const messages: ChildMessage[] = [];
		const child: TrainingChild = new TrainingChild(
			{
				type: "start",
				jobId: "job_1",
				settings: jobSettingsSchema.parse(jobWith(this.more)),
				textsFile: join(this.folder, "texts.jsonl"),
				modelPath: this.modelPath,
				workDir: this.folder,
				checkpointDir: this.checkpointDir,
				outputDir: this.outputDir,
				initAdapterDir: existsSync(join(this.folder, "initial")) ? join(this.folder, "initial") : undefined,
				threads: 1,
			},
			{
				entry: trainingProcess(),
				logger: createLogger("test", "silent"),
				graceMs: 2000,
				onMessage: (message) => {
					messages.push(message);
					onMessage(message, child);
				},
			},
		);
		const outcome = await child.ended;
		return {
			outcome,
			messages,
			steps: messages.flatMap((message) => (message.type === "progress" ? [message.step] : [])),
			logs: messages.flatMap((message) => (message.type === "log" ? [message.message] : [])),
		};
	}

	/** Of the adapter's weights. */
	sha256(): string {
		return createHash("sha256")
			.update(readFileSync(join(this.outputDir, "adapter_model.safetensors")))
			.digest("hex");
	}

	/** The curve that the report shows. */
	curve(): unknown {
		return (JSON.parse(readFileSync(join(this.outputDir, "report.json"), "utf8")) as { loss: { curve: unknown } }).loss.curve;
	}
}
