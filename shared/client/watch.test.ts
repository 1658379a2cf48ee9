import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type JobEvent, JobEventSchema, JobState } from "../proto/index.js";
import { unreachable } from "./api-error.js";
import { settingsOf } from "./options.js";
import type { JobStateName } from "./types.js";
import { watchEvents } from "./watch.js";

const log = (sequence: number): JobEvent =>
	create(JobEventSchema, { jobId: "j", sequence: BigInt(sequence), event: { case: "log", value: { level: "info", message: "" } } });
const state = (sequence: number, to: JobState): JobEvent =>
	create(JobEventSchema, {
		jobId: "j",
		sequence: BigInt(sequence),
		event: { case: "state", value: { from: JobState.TRAINING, to, reason: "" } },
	});
const lost = unreachable("here", "gone", true);

/** Streams and states in the order in which they are asked for; an error is thrown in its place. */
async function watched(streams: readonly (readonly (JobEvent | Error)[])[], states: readonly (JobStateName | Error)[] = []) {
	const opened: number[] = [];
	const answers = [...states];
	const source = {
		settings: settingsOf({ retry: { baseMs: 1 }, maxOutageMs: 200 }),
		async *open(from: number) {
			opened.push(from);
			for (const event of streams[opened.length - 1] ?? [lost]) {
				if (event instanceof Error) throw event;
				yield event;
			}
		},
		async state() {
			const answer = answers.shift() ?? lost;
			if (answer instanceof Error) throw answer;
			return answer;
		},
	};
	const sequences: number[] = [];
	for await (const { sequence } of watchEvents(source, {})) sequences.push(sequence);
	return { sequences, opened };
}

test("a stream that breaks is taken up behind the last event, and what comes twice is left out", async () => {
	const end = state(4, JobState.SUCCEEDED);
	expect(await watched([[log(1), log(2), lost], [lost], [log(2), log(3), end]], ["succeeded"])).toEqual({
		sequences: [1, 2, 3, 4],
		opened: [1, 3, 3],
	});
});

test("a job that was cancelled and resumed is watched to its last end", async () => {
	const again = [log(1), state(2, JobState.CANCELLED), state(3, JobState.QUEUED), log(4), state(5, JobState.SUCCEEDED)];
	expect(await watched([again], ["succeeded"])).toEqual({ sequences: [1, 2, 3, 4, 5], opened: [1] });
	// Resumed between the end of the stream and the question.
	expect(await watched([again.slice(0, 2), again.slice(2)], ["queued", "succeeded"])).toEqual({
		sequences: [1, 2, 3, 4, 5],
		opened: [1, 3],
	});
});

test("a job that was heard to end has ended, though its service is gone", async () => {
	expect(await watched([[log(1), state(2, JobState.FAILED)]], [lost])).toMatchObject({ sequences: [1, 2] });
});

test("a stream that ends without saying so is opened again until the job's end has been heard", async () => {
	expect(await watched([[log(1)], [state(2, JobState.SUCCEEDED)]], ["training", "succeeded"])).toMatchObject({
		sequences: [1, 2],
		opened: [1, 2],
	});
	// It ended while nobody watched.
	expect(await watched([[log(1)], [state(2, JobState.SUCCEEDED)]], ["succeeded", "succeeded"])).toMatchObject({ sequences: [1, 2] });
	expect(await watched([[], []], ["succeeded"])).toMatchObject({ sequences: [], opened: [1, 1] });
});

test("an outage that lasts too long, and a refusal, are thrown", async () => {
	await expect(watched([[log(1), lost]])).rejects.toBe(lost);
	const refusal = new Error("a programmer's fault");
	await expect(watched([[log(1), refusal]])).rejects.toBe(refusal);
});
