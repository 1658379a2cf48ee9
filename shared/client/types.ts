/** What goes over REST, with the names of its JSON. */
import type {
	Adapter,
	Dataset,
	EstimateJobResponse,
	InfoResponse,
	Job,
	JobSpec,
	JobState,
	LabelledQuery,
	LogLine,
	Progress,
	Texts,
} from "../proto/index.js";
import type { JsonOf, Loose } from "./json-of.js";

/** queued, preparing, training, … */
export type JobStateName = Lowercase<Exclude<keyof typeof JobState, "UNSPECIFIED">>;

/** Texts to adapt to: themselves, an upload's id, a file below the service's data root, … */
export type DatasetSource = SourceJson<Dataset["source"]>;

/** A oneof as REST writes it: the one field that is set. */
type SourceJson<S> = S extends { case: infer C extends string; value: infer V }
	? { readonly [K in C]: V extends Texts ? readonly string[] : V }
	: never;

export type LabelledQueryJson = { readonly [K in keyof JsonOf<LabelledQuery>]: Readonly<JsonOf<LabelledQuery>[K]> };

/** A job to submit; `base_model` and `dataset` alone make one. */
export type JobSpecJson = Loose<Omit<JsonOf<JobSpec>, "dataset" | "evaluation" | "base_model">> & {
	base_model: string;
	dataset: DatasetSource;
	evaluation?: {
		queries?: readonly LabelledQueryJson[];
		corpus?: readonly string[];
		pairs?: readonly { sentence1: string; sentence2: string; score: number }[];
		categories?: readonly { text: string; category: string }[];
	};
};

export type ProgressJson = JsonOf<Progress>;

export type JobJson = Omit<JsonOf<Job>, "state" | "spec"> & { state: JobStateName; spec: JobSpecJson };

export interface JobPage {
	readonly jobs: readonly JobJson[];
	/** Empty on the last page. */
	readonly next_page_token: string;
}

type EventBody =
	| { readonly type: "state"; readonly from: JobStateName; readonly to: JobStateName; readonly reason: string }
	| ({ readonly type: "progress" } & Readonly<ProgressJson>)
	| ({ readonly type: "log" } & Readonly<JsonOf<LogLine>>)
	| { readonly type: "evaluation"; readonly values: Readonly<Record<string, unknown>> };

/** An entry of a job's log; sequences rise by one from 1. */
export type JobEventJson = { readonly job_id: string; readonly sequence: number; readonly time: string } & EventBody;

/** Bytes and seconds that a job would take. */
export type EstimateJson = Partial<JsonOf<EstimateJobResponse>> & Readonly<Record<string, unknown>>;

export interface DatasetJson {
	readonly id: string;
	readonly filename: string;
	readonly created_at: string;
	readonly bytes: number;
	readonly statistics: Readonly<Record<string, unknown>>;
}

export interface ArtifactFile {
	readonly path: string;
	readonly bytes: number;
}

export type AdapterJson = JsonOf<Adapter>;

/** What GET /info says; more than these fields. */
export type InfoJson = Pick<
	JsonOf<InfoResponse>,
	"model_id" | "dimension" | "max_input_length" | "max_client_batch_size" | "compute" | "device" | "version"
> &
	Readonly<Record<string, unknown>>;
