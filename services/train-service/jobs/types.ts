import type { DatasetId, JobId } from "./ids.js";
import type { JobSettings } from "./settings.js";

export const JOB_STATES = [
	"queued",
	"preparing",
	"training",
	"evaluating",
	"publishing",
	"succeeded",
	"failed",
	"cancelled",
	"interrupted",
	"paused",
] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface Progress {
	readonly step: number;
	readonly totalSteps: number;
	readonly epoch: number;
	readonly loss: number;
	readonly learningRate: number;
	readonly gradNorm: number;
	readonly tokensPerSecond: number;
	readonly sentencesPerSecond: number;
	readonly memoryBytes: number;
	readonly deviceMemoryBytes: number;
	readonly etaSeconds: number;
}

export interface Job {
	readonly id: JobId;
	readonly state: JobState;
	readonly settings: JobSettings;
	/** Milliseconds since 1970. */
	readonly createdAt: number;
	/** W3C traceparent of the request that submitted it, where requests are traced. */
	readonly traceparent?: string | undefined;
	readonly startedAt?: number | undefined;
	readonly finishedAt?: number | undefined;
	/** Why it failed. */
	readonly error?: { readonly reason: string; readonly message: string } | undefined;
	readonly progress?: Progress | undefined;
	/** Back-offs before the step that `progress` is of. */
	readonly backoffs?: number | undefined;
	/** What `init_adapter` named when the job first ran, relative to the artifact root: a newer version must not take its place. */
	readonly initAdapter?: string | undefined;
	/** Of the published adapter, relative to the artifact root. */
	readonly adapterPath?: string | undefined;
	/** Times that it was taken up again, after an interruption or by hand. */
	readonly restarts: number;
	/** Those of them after the service or the machine broke down in mid-job; an orderly stop does not count. */
	readonly crashes?: number | undefined;
	/** Who submitted it, as ApiKeys names them; "" where no keys are asked for. */
	readonly user?: string | undefined;
	/** Most memory that it is expected to take, bytes; unknown until its base model is on this machine. */
	readonly memoryBytes?: number | undefined;
	/** Times that it was handed to a process. Whoever writes for one of them is refused once another has begun. */
	readonly attempt?: number | undefined;
	/** What its user wants of it and who runs it has not done yet. */
	readonly wish?: Wish | undefined;
	/** Times that it was put into the queue by hand after the first: each is another entry there. */
	readonly round?: number | undefined;
	/** Times in a row that it was put back since something it needs could not be reached. */
	readonly retries?: number | undefined;
}

/** What a user may want of a job that runs. */
export type Wish = "cancel" | "pause";

export type JobEventBody =
	| { readonly kind: "state"; readonly from: JobState; readonly to: JobState; readonly reason: string }
	| { readonly kind: "progress"; readonly progress: Progress }
	| { readonly kind: "log"; readonly level: "info" | "warn" | "error"; readonly message: string }
	| { readonly kind: "evaluation"; readonly values: Readonly<Record<string, unknown>> };

export interface JobEvent {
	readonly jobId: JobId;
	/** From 1, without gaps. */
	readonly sequence: number;
	readonly time: number;
	readonly body: JobEventBody;
}

/** An uploaded dataset. */
export interface Dataset {
	readonly id: DatasetId;
	readonly filename: string;
	readonly createdAt: number;
	readonly bytes: number;
	readonly statistics: Readonly<Record<string, unknown>>;
}
