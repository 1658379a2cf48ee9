/** Jobs and events as REST's JSON and as protobuf messages: the one place where names change. */
import { fromJson, type JsonObject, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField } from "@dak/shared/errors";
import { type JobEventSchema, type JobSchema, type JobSpec, JobSpecSchema, JobState as ProtoState } from "@dak/shared/proto";
import { JOB_STATES, type Job, type JobEvent, type JobEventBody, type JobSettings, type JobState, type Progress } from "../jobs/index.js";

const iso = (ms: number): string => new Date(ms).toISOString();

function progressJson(progress: Progress) {
	return {
		step: progress.step,
		total_steps: progress.totalSteps,
		epoch: progress.epoch,
		loss: progress.loss,
		learning_rate: progress.learningRate,
		grad_norm: progress.gradNorm,
		tokens_per_second: progress.tokensPerSecond,
		sentences_per_second: progress.sentencesPerSecond,
		memory_bytes: progress.memoryBytes,
		device_memory_bytes: progress.deviceMemoryBytes,
		eta_seconds: progress.etaSeconds,
	};
}

/** Settings as answers show them: without the labelled pairs, which may be megabytes. */
function shown({ evaluation: _, ...settings }: JobSettings): JobSettings {
	return settings;
}

/** A job as REST shows it. */
export function jobJson(job: Job) {
	return {
		id: job.id,
		state: job.state,
		spec: shown(job.settings),
		created_at: iso(job.createdAt),
		...(job.startedAt === undefined ? {} : { started_at: iso(job.startedAt) }),
		...(job.finishedAt === undefined ? {} : { finished_at: iso(job.finishedAt) }),
		...(job.error ? { error: job.error } : {}),
		...(job.progress ? { progress: progressJson(job.progress) } : {}),
		...(job.adapterPath === undefined ? {} : { adapter_path: job.adapterPath }),
		restarts: job.restarts,
		...(job.memoryBytes === undefined ? {} : { estimated_memory_bytes: job.memoryBytes }),
	};
}

/** An event as SSE's data shows it. */
export function eventJson({ jobId, sequence, time, body }: JobEvent): Record<string, unknown> {
	const { kind, ...rest } = body;
	return { job_id: jobId, sequence, time: iso(time), type: kind, ...(body.kind === "progress" ? progressJson(body.progress) : rest) };
}

const PROTO_STATE: Readonly<Record<JobState, ProtoState>> = {
	queued: ProtoState.QUEUED,
	preparing: ProtoState.PREPARING,
	training: ProtoState.TRAINING,
	evaluating: ProtoState.EVALUATING,
	publishing: ProtoState.PUBLISHING,
	succeeded: ProtoState.SUCCEEDED,
	failed: ProtoState.FAILED,
	cancelled: ProtoState.CANCELLED,
	interrupted: ProtoState.INTERRUPTED,
	paused: ProtoState.PAUSED,
};

/** @throws INVALID_REQUEST for a number that is no state */
export function stateFromProto(state: ProtoState): JobState | undefined {
	if (state === ProtoState.UNSPECIFIED) return undefined;
	const found = JOB_STATES.find((name) => PROTO_STATE[name] === state);
	if (!found) throw invalidField("/state", `found ${state}, allowed: ${JOB_STATES.join(", ")}`);
	return found;
}

/** A request's spec with the names and shapes of REST's JSON; fields that are not set stay out, so that the schema's defaults hold. */
export function settingsFromSpec(spec: JobSpec | undefined): unknown {
	if (!spec) throw invalidField("/spec", "found nothing; allowed: a JobSpec");
	const json = toJson(JobSpecSchema, spec, { useProtoFieldName: true }) as JsonObject;
	const dataset = json.dataset as { texts?: { values?: string[] } } | undefined;
	return dataset?.texts ? { ...json, dataset: { texts: dataset.texts.values ?? [] } } : json;
}

function specFromSettings(settings: JobSettings): JobSpec {
	const { dataset } = settings;
	const wire = "texts" in dataset ? { texts: { values: dataset.texts } } : dataset;
	return fromJson(JobSpecSchema, JSON.parse(JSON.stringify({ ...settings, dataset: wire })));
}

function progressMessage(progress: Progress) {
	const { memoryBytes, deviceMemoryBytes, ...rest } = progress;
	return { ...rest, memoryBytes: BigInt(Math.round(memoryBytes)), deviceMemoryBytes: BigInt(Math.round(deviceMemoryBytes)) };
}

export function jobMessage(job: Job): MessageInitShape<typeof JobSchema> {
	return {
		id: job.id,
		state: PROTO_STATE[job.state],
		spec: specFromSettings(shown(job.settings)),
		createdAt: timestampFromMs(job.createdAt),
		...(job.startedAt === undefined ? {} : { startedAt: timestampFromMs(job.startedAt) }),
		...(job.finishedAt === undefined ? {} : { finishedAt: timestampFromMs(job.finishedAt) }),
		...(job.error ? { error: job.error } : {}),
		...(job.progress ? { progress: progressMessage(job.progress) } : {}),
		...(job.adapterPath === undefined ? {} : { adapterPath: job.adapterPath }),
		restarts: job.restarts,
		...(job.memoryBytes === undefined ? {} : { estimatedMemoryBytes: BigInt(job.memoryBytes) }),
	};
}

export function eventMessage({ jobId, sequence, time, body }: JobEvent): MessageInitShape<typeof JobEventSchema> {
	return { jobId, sequence: BigInt(sequence), time: timestampFromMs(time), event: eventBody(body) };
}

function eventBody(body: JobEventBody): NonNullable<MessageInitShape<typeof JobEventSchema>["event"]> {
	switch (body.kind) {
		case "state":
			return { case: "state", value: { from: PROTO_STATE[body.from], to: PROTO_STATE[body.to], reason: body.reason } };
		case "progress":
			return { case: "progress", value: progressMessage(body.progress) };
		case "log":
			return { case: "log", value: { level: body.level, message: body.message } };
		case "evaluation":
			return { case: "evaluation", value: JSON.parse(JSON.stringify(body.values)) };
	}
}
