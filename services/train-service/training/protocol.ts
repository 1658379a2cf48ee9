/** What the service and a job's training process say to each other over the child process' IPC channel. */
import type { JobSettings } from "../jobs/index.js";

/** Parent → child, once, at start. */
export interface StartMessage {
	readonly type: "start";
	readonly jobId: string;
	/** W3C traceparent of the span that the process' own belong to. */
	readonly traceparent?: string | undefined;
	readonly settings: JobSettings;
	/** Prepared dataset: one JSON string a line (UTF-8), written by the service. */
	readonly textsFile: string;
	/** Texts held out of training, in the same form; there where the job asks for them. */
	readonly validationFile?: string | undefined;
	/** What is known of the texts, for the report. */
	readonly datasetStatistics?: Readonly<Record<string, unknown>> | undefined;
	/** Absolute folder of the base model. */
	readonly modelPath: string;
	/** Folder of this run's own: scratch files. */
	readonly workDir: string;
	/** The job's checkpoints; they outlive the run. */
	readonly checkpointDir: string;
	/** Folder that the child writes the adapter to; the service publishes it from there. */
	readonly outputDir: string;
	readonly initAdapterDir?: string | undefined;
	readonly threads: number;
}

/** Parent → child: keep a checkpoint after the step in hand, and end. One that is not soon enough is killed. */
export interface StopMessage {
	readonly type: "stop";
}

export type ParentMessage = StartMessage | StopMessage;

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
	/** Times that the training went back before this step: the steps after it are others than those of the same numbers before. */
	readonly backoffs: number;
}

export interface ResumedMessage extends Pick<ProgressMessage, "step" | "totalSteps" | "epoch" | "loss" | "backoffs"> {
	readonly type: "resumed";
}

/** Child → parent. Exactly one of done, stopped, failed comes last; a child that ends without one has crashed. */
export type ChildMessage =
	| { readonly type: "state"; readonly state: "preparing" | "training" | "evaluating" }
	| ProgressMessage
	| { readonly type: "log"; readonly level: "info" | "warn" | "error"; readonly message: string }
	| { readonly type: "evaluation"; readonly name: string; readonly values: Readonly<Record<string, unknown>> }
	/** Training goes on behind a checkpoint's step, which a process that was killed may not have told. */
	| ResumedMessage
	/** A checkpoint is on the disk. */
	| { readonly type: "checkpoint"; readonly step: number; readonly bytes: number; readonly milliseconds: number }
	/** outputDir now holds a whole adapter folder, report.json included. */
	| { readonly type: "done"; readonly peakMemoryBytes: number }
	| { readonly type: "stopped"; readonly step: number }
	| { readonly type: "failed"; readonly reason: string; readonly message: string };

/** What the child's work needs from its parent's side. */
export interface JobHooks {
	readonly send: (message: ChildMessage) => void;
	/** Asked between steps: whether to keep a checkpoint and end. */
	readonly stopping: () => boolean;
	/** Called before anything is written that outlives the process. */
	readonly endIfOrphaned: () => void;
}
