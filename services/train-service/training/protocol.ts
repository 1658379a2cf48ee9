/** What the service and a job's training process say to each other over the child process' IPC channel. */
import type { JobSettings } from "../jobs/index.js";

/** Parent → child, once, at start. */
export interface StartMessage {
	readonly type: "start";
	readonly jobId: string;
	readonly settings: JobSettings;
	/** Prepared dataset: one JSON string a line (UTF-8), written by the service. */
	readonly textsFile: string;
	/** Absolute folder of the base model. */
	readonly modelPath: string;
	/** Folder of this job's own: checkpoints and scratch files. */
	readonly workDir: string;
	/** Folder that the child writes the adapter to; the service publishes it from there. */
	readonly outputDir: string;
	readonly initAdapterDir?: string | undefined;
	readonly threads: number;
}

/** Parent → child: end after the step in hand, keep a checkpoint. */
export interface CancelMessage {
	readonly type: "cancel";
}

export type ParentMessage = StartMessage | CancelMessage;

export interface ProgressMessage {
	readonly type: "progress";
	readonly step: number;
	readonly totalSteps: number;
	readonly epoch: number;
	readonly loss: number;
	readonly learningRate: number;
	readonly gradNorm: number;
	readonly stepSeconds: number;
	/** Real tokens of this step's noisy and clean texts. */
	readonly tokens: number;
	readonly sentences: number;
	readonly tokensPerSecond: number;
	readonly sentencesPerSecond: number;
	readonly memoryBytes: number;
	readonly peakMemoryBytes: number;
	readonly deviceMemoryBytes: number;
	readonly etaSeconds: number;
}

/** Child → parent. Exactly one of done, cancelled, failed comes last; a child that ends without one has crashed. */
export type ChildMessage =
	| { readonly type: "state"; readonly state: "preparing" | "training" | "evaluating" }
	| ProgressMessage
	| { readonly type: "log"; readonly level: "info" | "warn" | "error"; readonly message: string }
	| { readonly type: "evaluation"; readonly name: string; readonly values: Readonly<Record<string, unknown>> }
	/** outputDir now holds a whole adapter folder, report.json included. */
	| { readonly type: "done"; readonly peakMemoryBytes: number }
	| { readonly type: "cancelled"; readonly step: number }
	| { readonly type: "failed"; readonly reason: string; readonly message: string };
