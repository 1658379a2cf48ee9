/** Events of the generated contract as REST's stream shows them. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type JobEvent, JobState, type Progress } from "../proto/index.js";
import type { SnakeCase } from "./json-of.js";
import type { JobEventJson, JobStateName, ProgressJson } from "./types.js";

export const stateName = (state: JobState): JobStateName => (JobState[state] ?? "unspecified").toLowerCase() as JobStateName;

const snake = <S extends string>(name: S) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as SnakeCase<S>;

/** Every field, so that one that is added to the contract is there as well. */
function progressJson({ $typeName: _, $unknown: __, ...fields }: Progress): ProgressJson {
	const entries = Object.entries(fields).map(([name, value]) => [snake(name), typeof value === "bigint" ? Number(value) : value]);
	return Object.fromEntries(entries) as ProgressJson;
}

/** Nothing for a kind of event that this client does not know. */
export function eventJson({ jobId, sequence, time, event }: JobEvent): JobEventJson | undefined {
	const head = { job_id: jobId, sequence: Number(sequence), time: (time ? timestampDate(time) : new Date(0)).toISOString() };
	switch (event.case) {
		case "state":
			return { ...head, type: "state", from: stateName(event.value.from), to: stateName(event.value.to), reason: event.value.reason };
		case "progress":
			return { ...head, type: "progress", ...progressJson(event.value) };
		case "log":
			return { ...head, type: "log", level: event.value.level, message: event.value.message };
		case "evaluation":
			return { ...head, type: "evaluation", values: event.value };
		default:
			return undefined;
	}
}

const TERMINAL: readonly JobStateName[] = ["succeeded", "failed", "cancelled"];

/** Whether a job in this state has ended. */
export const isTerminal = (state: JobStateName): boolean => TERMINAL.includes(state);
