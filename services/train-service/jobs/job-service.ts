/** What can be done with jobs: the functions behind REST and gRPC alike. */
import { createHash } from "node:crypto";
import { DakError, invalidField, parseOrThrow } from "@dak/shared/errors";
import { currentTraceparent } from "@dak/shared/observability";
import type { EventHub } from "./event-hub.js";
import { isJobId, type JobId, newJobId, parseJobId } from "./ids.js";
import type { JobQueue } from "./queue.js";
import { type JobSettings, jobSettingsSchema, refuseMissingFeatures } from "./settings.js";
import { isTerminal, NEXT, RUNNING } from "./states.js";
import type { Idempotency, JobPatch, JobStore } from "./store.js";
import type { Job, JobEvent, JobEventBody, JobState } from "./types.js";

/** A job that may be taken. */
export interface Admitted {
	readonly settings: JobSettings;
	/** Most memory that it will take; unset where that is not known yet. */
	readonly memoryBytes?: number | undefined;
}

/** Checks against the world that a job needs before it is taken: its texts, its base model, its memory. */
export type Admission = (settings: JobSettings) => Promise<Admitted>;

export interface JobServiceOptions {
	readonly store: JobStore;
	readonly queue: JobQueue;
	readonly events: EventHub;
	readonly admit: Admission;
	/** Jobs that may wait. */
	readonly maxQueued: number;
	/** Called after each change of state. */
	readonly onState: (state: JobState) => void;
}

export interface JobList {
	readonly jobs: readonly Job[];
	readonly nextPageToken: string;
}

/** Crashes in mid-job that a job is taken up after; one more and it is given up: it may be what brings the service down. */
const MAX_CRASHES = 3;
const MAX_PAGE = 200;
const MAX_KEY_LENGTH = 255;

function idempotencyOf(key: string, settings: JobSettings): Idempotency | undefined {
	if (key === "") return undefined;
	if (key.length > MAX_KEY_LENGTH)
		throw invalidField("/idempotency_key", `found ${key.length} characters, allowed: at most ${MAX_KEY_LENGTH}`);
	return { key, requestHash: createHash("sha256").update(JSON.stringify(settings)).digest("hex") };
}

export class JobService {
	/** Ends the running job of an id; set by the supervisor. */
	stopRunning: (jobId: JobId) => void = () => {};
	/** Ends the running job of an id, to be resumed later; set by the supervisor. */
	pauseRunning: (jobId: JobId) => void = () => {};

	/** By idempotency key: settles when the request in hand is done. */
	readonly #creating = new Map<string, Promise<void>>();

	constructor(private readonly options: JobServiceOptions) {}

	/**
	 * Takes a job.
	 * @throws INVALID_REQUEST, INVALID_DATASET, MODEL_NOT_FOUND …, OVERLOADED if too many wait, IDEMPOTENCY_CONFLICT
	 */
	async create(request: unknown, idempotencyKey = "", user = ""): Promise<Job> {
		const settings = parseOrThrow(jobSettingsSchema, request);
		refuseMissingFeatures(settings);
		const idempotency = idempotencyOf(idempotencyKey, settings);
		if (!idempotency) return this.#admit(settings, undefined, user);
		// One request with a key at a time: the second then finds what the first made.
		const before = this.#creating.get(idempotency.key) ?? Promise.resolve();
		const mine = before.then(() => this.options.store.findByKey(idempotency) ?? this.#admit(settings, idempotency, user));
		const settled = mine.then(
			() => {},
			() => {},
		);
		this.#creating.set(idempotency.key, settled);
		void settled.then(() => {
			if (this.#creating.get(idempotency.key) === settled) this.#creating.delete(idempotency.key);
		});
		return mine;
	}

	async #admit(request: JobSettings, idempotency: Idempotency | undefined, user: string): Promise<Job> {
		const { store, admit } = this.options;
		await this.#checkRoom();
		const { settings, memoryBytes } = await admit(request);
		const id = newJobId();
		const named = { ...settings, adapter_name: settings.adapter_name ?? id };
		store.insert(
			{ id, state: "queued", settings: named, createdAt: Date.now(), restarts: 0, user, memoryBytes, traceparent: currentTraceparent() },
			idempotency,
		);
		this.record(id, { kind: "log", level: "info", message: "queued" });
		this.options.onState("queued");
		await this.#enqueue(id);
		return this.get(id);
	}

	/** A job whose memory is not known runs alone. */
	#enqueue(id: JobId): Promise<void> {
		const { user = "", settings, memoryBytes = Number.POSITIVE_INFINITY } = this.get(id);
		return this.options.queue.add(id, { user, priority: settings.priority ?? "normal", bytes: memoryBytes });
	}

	async #checkRoom(): Promise<void> {
		const { queue, maxQueued } = this.options;
		if ((await queue.depth()) >= maxQueued)
			throw new DakError("OVERLOADED", `found ${maxQueued} waiting jobs, allowed: ${maxQueued}`, { retryAfterMs: 60_000 });
	}

	get(id: string): Job {
		return this.options.store.get(parseJobId(id));
	}

	/** Newest first. `pageToken`: what the page before returned. */
	list({
		state,
		pageSize = 50,
		pageToken = "",
	}: {
		state?: JobState | undefined;
		pageSize?: number | undefined;
		pageToken?: string | undefined;
	}): JobList {
		if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE)
			throw invalidField("/page_size", `found ${pageSize}, allowed: 1 to ${MAX_PAGE}`);
		if (pageToken !== "" && !isJobId(pageToken))
			throw invalidField("/page_token", `found ${JSON.stringify(pageToken.slice(0, 40))}, allowed: a next_page_token`);
		const jobs = this.options.store.list({ state, limit: pageSize + 1, before: pageToken === "" ? undefined : pageToken });
		const page = jobs.slice(0, pageSize);
		return { jobs: page, nextPageToken: jobs.length > pageSize ? page.at(-1)!.id : "" };
	}

	/** Takes a waiting job out of the queue, or tells a running one to stop. @throws JOB_NOT_FOUND, STATE_CONFLICT if it has ended */
	async cancel(text: string): Promise<Job> {
		const { id, state } = this.get(text);
		if (isTerminal(state)) throw new DakError("STATE_CONFLICT", `job ${id} has ended: ${state}; allowed: a job that has not`);
		if (await this.options.queue.remove(id)) return this.move(id, "cancelled", "cancelled while waiting", { finishedAt: Date.now() });
		if (state === "paused") return this.move(id, "cancelled", "cancelled while paused", { finishedAt: Date.now() });
		this.record(id, { kind: "log", level: "info", message: "cancel asked for" });
		this.stopRunning(id);
		return this.get(id);
	}

	/**
	 * Takes a job off the machine until it is resumed: its process ends and its memory is free; its last checkpoint stays. A paused
	 * job stays as it is.
	 * @throws JOB_NOT_FOUND, STATE_CONFLICT if it has ended or begun to publish
	 */
	async pause(text: string): Promise<Job> {
		const { id, state } = this.get(text);
		if (state === "paused") return this.get(id);
		if (!NEXT[state].includes("paused"))
			throw new DakError("STATE_CONFLICT", `job ${id} is ${state}; allowed: one that waits, prepares, trains or evaluates`);
		if (await this.options.queue.remove(id)) return this.move(id, "paused", "paused while waiting");
		this.record(id, { kind: "log", level: "info", message: "pause asked for" });
		this.pauseRunning(id);
		return this.get(id);
	}

	/**
	 * Puts a paused, cancelled or failed job into the queue again: it goes on from its last checkpoint, or from its first step if it has none.
	 * @throws JOB_NOT_FOUND, STATE_CONFLICT if it has succeeded or has not ended, OVERLOADED if too many wait
	 */
	async resume(text: string): Promise<Job> {
		const { id } = this.get(text);
		await this.#checkRoom();
		const { state, restarts } = this.get(id);
		if (state !== "paused" && state !== "cancelled" && state !== "failed")
			throw new DakError("STATE_CONFLICT", `job ${id} is ${state}; allowed: one that is paused, cancelled or failed`);
		this.move(id, "queued", "resumed", { restarts: restarts + 1, crashes: 0, error: undefined, finishedAt: undefined });
		await this.#enqueue(id);
		return this.get(id);
	}

	/** Events from a sequence on, then live ones until the job has ended. @throws JOB_NOT_FOUND */
	watch(text: string, fromSequence: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
		const { id } = this.get(text);
		return this.options.events.watch(id, fromSequence, signal);
	}

	/** Changes a job's state. */
	move(id: JobId, to: JobState, reason: string, patch?: JobPatch): Job {
		const { job } = this.options.store.transition(id, to, reason, patch);
		this.options.events.notify(id);
		this.options.onState(to);
		return job;
	}

	/** Writes an event. */
	record(id: JobId, body: JobEventBody, patch?: JobPatch): void {
		this.options.store.append(id, body, patch);
		this.options.events.notify(id);
	}

	/** The service ends in good order while the job runs: the next start takes it up again. */
	interrupt(id: JobId): Job {
		return this.move(id, "interrupted", "the service is ending");
	}

	/** Its process was ended while the service goes on: the caller runs it again at once. */
	takeUpAgain(id: JobId, reason: string): void {
		this.move(id, "interrupted", reason);
		this.move(id, "queued", "taken up again", { restarts: this.get(id).restarts + 1 });
	}

	/** At start: puts into the queue what waits, and what an earlier run of the service left unfinished. */
	async recover(): Promise<void> {
		for (const state of RUNNING) for (const job of this.#all(state)) this.#crashed(job);
		for (const job of this.#all("interrupted")) this.move(job.id, "queued", "taken up again", { restarts: job.restarts + 1 });
		for (const job of this.#all("queued").reverse()) await this.#enqueue(job.id);
	}

	/** The service was cut off while the job ran. */
	#crashed({ id, crashes = 0 }: Job): void {
		this.move(id, "interrupted", "the service ended while the job ran", { crashes: crashes + 1 });
		if (crashes < MAX_CRASHES) return;
		const message = `the service ended ${crashes + 1} times while the job ran; it is not taken up again`;
		this.move(id, "failed", message, { finishedAt: Date.now(), error: { reason: "TRAINING_FAILED", message } });
	}

	#all(state: JobState): Job[] {
		return this.options.store.list({ state, limit: 1_000_000 });
	}
}
