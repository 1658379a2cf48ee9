/** What can be done with jobs: the functions behind REST and gRPC alike. */
import { createHash } from "node:crypto";
import { DakError, invalidField, parseOrThrow } from "@dak/shared/errors";
import { currentTraceparent } from "@dak/shared/observability";
import type { JobBus } from "./bus.js";
import type { EventHub } from "./event-hub.js";
import { isJobId, type JobId, newJobId, parseJobId } from "./ids.js";
import type { Patience } from "./patience.js";
import type { JobQueue } from "./queue.js";
import { type JobSettings, jobSettingsSchema, refuseMissingFeatures } from "./settings.js";
import { isTerminal, NEXT, RUNNING } from "./states.js";
import type { Idempotency, JobPatch, JobStore } from "./store.js";
import type { Job, JobEvent, JobEventBody, JobState, Wish } from "./types.js";

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
	readonly bus: JobBus;
	readonly admit: Admission;
	/** Jobs that may wait. */
	readonly maxQueued: number;
	/** Called after each change of state. */
	readonly onState: (state: JobState) => void;
	/** Of writes about jobs that are in an attempt's hands. */
	readonly patience?: Patience;
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
		const mine = before.then(async () => (await this.options.store.findByKey(idempotency)) ?? this.#admit(settings, idempotency, user));
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
		const traceparent = currentTraceparent();
		const asked: Job = { id, state: "queued", settings: named, createdAt: Date.now(), restarts: 0, user, memoryBytes, traceparent };
		const job = await store.insert(asked, idempotency);
		// Another node was faster with the same key.
		if (job.id !== id) return job;
		// The job is written down, and so it is taken: a line of its log is not what it is refused for.
		await this.record(id, { kind: "log", level: "info", message: "queued" }).catch(() => {});
		this.options.onState("queued");
		await this.#enqueue(job);
		return this.get(id);
	}

	/** A job whose memory is not known runs alone. */
	#enqueue({ id, user = "", settings, memoryBytes = Number.POSITIVE_INFINITY, round = 0 }: Job): Promise<void> {
		const { device, priority = "normal" } = settings;
		return this.options.queue.add(id, { user, priority, bytes: memoryBytes, device, round });
	}

	async #checkRoom(): Promise<void> {
		const { queue, maxQueued } = this.options;
		if ((await queue.depth()) >= maxQueued)
			throw new DakError("OVERLOADED", `found ${maxQueued} waiting jobs, allowed: ${maxQueued}`, { retryAfterMs: 60_000 });
	}

	async get(id: string): Promise<Job> {
		return this.options.store.get(parseJobId(id));
	}

	/** Newest first. `pageToken`: what the page before returned. */
	async list({
		state,
		pageSize = 50,
		pageToken = "",
	}: {
		state?: JobState | undefined;
		pageSize?: number | undefined;
		pageToken?: string | undefined;
	}): Promise<JobList> {
		if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE)
			throw invalidField("/page_size", `found ${pageSize}, allowed: 1 to ${MAX_PAGE}`);
		if (pageToken !== "" && !isJobId(pageToken))
			throw invalidField("/page_token", `found ${JSON.stringify(pageToken.slice(0, 40))}, allowed: a next_page_token`);
		const jobs = await this.options.store.list({ state, limit: pageSize + 1, before: pageToken === "" ? undefined : pageToken });
		const page = jobs.slice(0, pageSize);
		return { jobs: page, nextPageToken: jobs.length > pageSize ? page.at(-1)!.id : "" };
	}

	/** Takes a waiting job out of the queue, or tells a running one to stop. @throws JOB_NOT_FOUND, STATE_CONFLICT if it has ended */
	async cancel(text: string): Promise<Job> {
		const job = await this.get(text);
		const { id, state } = job;
		if (isTerminal(state)) throw new DakError("STATE_CONFLICT", `job ${id} has ended: ${state}; allowed: a job that has not`);
		const taken = await this.#takeOut(job, "cancelled", "cancelled while waiting", { finishedAt: Date.now() });
		if (taken) return taken;
		if (state === "paused") return this.move(id, "cancelled", "cancelled while paused", { finishedAt: Date.now() });
		return this.#ask(id, "cancel");
	}

	/**
	 * Takes a job off the machine until it is resumed: its process ends and its memory is free; its last checkpoint stays. A paused
	 * job stays as it is.
	 * @throws JOB_NOT_FOUND, STATE_CONFLICT if it has ended or begun to publish
	 */
	async pause(text: string): Promise<Job> {
		const job = await this.get(text);
		const { id, state } = job;
		if (state === "paused") return job;
		if (!NEXT[state].includes("paused"))
			throw new DakError("STATE_CONFLICT", `job ${id} is ${state}; allowed: one that waits, prepares, trains or evaluates`);
		return (await this.#takeOut(job, "paused", "paused while waiting")) ?? this.#ask(id, "pause");
	}

	/** Out of the queue, if it waits there. One whose new state cannot be written waits again: it must not be forgotten. */
	async #takeOut(job: Job, to: JobState, reason: string, patch?: JobPatch): Promise<Job | undefined> {
		if (!(await this.options.queue.remove(job.id))) return undefined;
		try {
			return await this.move(job.id, to, reason, patch);
		} catch (error) {
			await this.#enqueue(job);
			throw error;
		}
	}

	/** What is wanted is written down first: whoever runs the job, or takes it up after a crash, finds it. */
	async #ask(id: JobId, wish: Wish): Promise<Job> {
		await this.record(id, { kind: "log", level: "info", message: `${wish} asked for` }, { wish });
		this.options.bus.ask(id, wish);
		return this.get(id);
	}

	/**
	 * Puts a paused, cancelled or failed job into the queue again: it goes on from its last checkpoint, or from its first step if it has none.
	 * @throws JOB_NOT_FOUND, STATE_CONFLICT if it has succeeded or has not ended, OVERLOADED if too many wait
	 */
	async resume(text: string): Promise<Job> {
		const { id } = await this.get(text);
		await this.#checkRoom();
		const { state, restarts, round = 0 } = await this.get(id);
		if (state !== "paused" && state !== "cancelled" && state !== "failed")
			throw new DakError("STATE_CONFLICT", `job ${id} is ${state}; allowed: one that is paused, cancelled or failed`);
		const afresh = {
			restarts: restarts + 1,
			round: round + 1,
			crashes: 0,
			retries: 0,
			wish: undefined,
			error: undefined,
			finishedAt: undefined,
		};
		await this.#enqueue(await this.move(id, "queued", "resumed", afresh));
		return this.get(id);
	}

	/** Events from a sequence on, then live ones until the job has ended. @throws JOB_NOT_FOUND */
	async watch(text: string, fromSequence: number, signal: AbortSignal): Promise<AsyncGenerator<JobEvent>> {
		const { id } = await this.get(text);
		return this.options.events.watch(id, fromSequence, signal);
	}

	/** Changes a job's state; with `attempt`, only while it is in that one's hands, and as soon as the store can be written. */
	async move(id: JobId, to: JobState, reason: string, patch?: JobPatch, attempt?: number): Promise<Job> {
		const { job } = await this.#written(attempt, () => this.options.store.transition(id, to, reason, patch, attempt));
		this.options.bus.notify(id);
		this.options.onState(to);
		return job;
	}

	/** Writes an event; with `attempt`, only while the job is in that one's hands, and as soon as the store can be written. */
	async record(id: JobId, body: JobEventBody, patch?: JobPatch, attempt?: number): Promise<void> {
		await this.#written(attempt, () => this.options.store.append(id, body, patch, attempt));
		this.options.bus.notify(id);
	}

	#written<T>(attempt: number | undefined, write: () => Promise<T>): Promise<T> {
		const { patience } = this.options;
		return patience && attempt !== undefined ? patience.until(write) : write();
	}

	/**
	 * Takes a job that the queue handed out into the hands of a new attempt; undefined for one that is not to be run. One that runs by
	 * the store's word was left by a node that is gone.
	 */
	async take(id: JobId): Promise<Job | undefined> {
		const found = await this.get(id);
		if (isTerminal(found.state) || found.state === "paused") return undefined;
		const queued = found.state === "queued" ? found : await this.#takeOver(found);
		if (queued?.state !== "queued") return undefined;
		const { attempt = 0 } = queued;
		return this.move(id, "preparing", "taken from the queue", { startedAt: Date.now(), attempt: attempt + 1 }, attempt);
	}

	async #takeOver(job: Job): Promise<Job | undefined> {
		const { attempt = 0 } = job;
		const left = job.state === "interrupted" ? job : await this.#crashed(job);
		if (left.state !== "interrupted") return left;
		return this.move(job.id, "queued", "taken up again", { restarts: left.restarts + 1 }, attempt);
	}

	/** The service ends in good order while the job runs: the next start takes it up again, or another node. */
	interrupt({ id, attempt }: Job): Promise<Job> {
		return this.move(id, "interrupted", "the service is ending", undefined, attempt);
	}

	/** Its process was ended while the service goes on: the caller runs it again at once. */
	async takeUpAgain(job: Job, reason: string, patch?: JobPatch): Promise<void> {
		const { id, attempt } = job;
		await this.move(id, "interrupted", reason, patch, attempt);
		await this.move(id, "queued", "taken up again", { restarts: job.restarts + 1 }, attempt);
	}

	/** It does not fit here, and may elsewhere: waits again, for what it takes. */
	async sendElsewhere(job: Job, reason: string, memoryBytes: number): Promise<void> {
		await this.takeUpAgain(job, `${reason}; waits for a node that can hold it`, { memoryBytes, round: (job.round ?? 0) + 1 });
		await this.#enqueue(await this.get(job.id));
	}

	/** At start, where no other service can have them: puts into the queue what waits, and what an earlier run left unfinished. */
	async recover(): Promise<void> {
		for (const state of RUNNING) for (const job of await this.#all(state)) await this.#crashed(job);
		for (const job of await this.#all("interrupted")) await this.#takeOver(job);
		for (const job of (await this.#all("queued")).reverse()) await this.#recovered(job);
	}

	/** What its user asked for before the service ended is done now. */
	async #recovered(job: Job): Promise<void> {
		if (job.wish === "cancel") await this.move(job.id, "cancelled", "cancelled while waiting", { finishedAt: Date.now() });
		else if (job.wish === "pause") await this.move(job.id, "paused", "paused while waiting", { wish: undefined });
		else await this.#enqueue(job);
	}

	/**
	 * Where other services share the queue: puts into it what should be there and is not, since a service ended between writing a job
	 * down and putting it there. What is there stays as it is. A job of the future is of a clock that was set back since, and no younger
	 * than others.
	 */
	async reconcile(olderThanMs: number): Promise<void> {
		for (const state of ["queued", "interrupted", ...RUNNING] as const) {
			for (const job of (await this.#all(state)).reverse())
				if (Math.abs(Date.now() - job.createdAt) > olderThanMs) await this.#enqueue(job);
		}
	}

	/** The service was cut off while the job ran. */
	async #crashed({ id, crashes = 0, attempt = 0 }: Job): Promise<Job> {
		const job = await this.move(id, "interrupted", "the service ended while the job ran", { crashes: crashes + 1 }, attempt);
		if (crashes < MAX_CRASHES) return job;
		const message = `the service ended ${crashes + 1} times while the job ran; it is not taken up again`;
		return this.move(id, "failed", message, { finishedAt: Date.now(), error: { reason: "TRAINING_FAILED", message } }, attempt);
	}

	#all(state: JobState): Promise<Job[]> {
		return this.options.store.list({ state, limit: 1_000_000 });
	}
}
