/**
 * Jobs in Redis, where every node sees them. A job is a hash with a field for each of its own, its events are a list: an event's
 * place is its sequence, so that none can be missing. Each change is one script, whole or not at all.
 */
import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import {
	type Dataset,
	type DatasetStore,
	datasetNotFound,
	type Idempotency,
	JOB_STATES,
	type Job,
	type JobEvent,
	type JobEventBody,
	type JobId,
	type JobPage,
	type JobPatch,
	type JobState,
	type JobStore,
	jobNotFound,
	keyConflict,
	mayNotFollow,
	NEXT,
	superseded,
	type Transition,
} from "../jobs/index.js";
import { PREFIX, within } from "./connection.js";
import { type ScriptedRedis, withScripts } from "./scripts.js";

const JOBS = `${PREFIX}:jobs`;
const BY_STATE = `${PREFIX}:jobs:`;
const IDEMPOTENCY = `${PREFIX}:idempotency`;
const DATASETS = `${PREFIX}:datasets`;
const jobKey = (id: string) => `${PREFIX}:job:${id}`;
const eventsKey = (id: string) => `${PREFIX}:job-events:${id}`;
/** A field of a job's hash that is no field of the job: what each writer wrote last. */
const WRITER = "w:";
/** Longest that anybody waits who has not a job in hand. */
const PATIENCE_MS = 10_000;

export class RedisJobStore implements JobStore, DatasetStore {
	readonly #redis: ScriptedRedis;
	readonly #writer = randomUUID().slice(0, 8);
	#writes = 0;

	/** The connection stays the caller's. */
	constructor(redis: Redis) {
		this.#redis = withScripts(redis);
	}

	async insert(job: Job, idempotency?: Idempotency): Promise<Job> {
		const { key = "", requestHash = "" } = idempotency ?? {};
		const fields = Object.entries(job).flatMap(([name, value]) => (value === undefined ? [] : [name, encode(name, value)]));
		const keys = [jobKey(job.id), JOBS, BY_STATE + job.state, IDEMPOTENCY];
		const id = await within(PATIENCE_MS, this.#redis.dakInsert(...keys, job.id, key, requestHash, ...fields));
		if (id === "conflict") throw keyConflict();
		return id === job.id ? job : this.get(id as JobId);
	}

	async findByKey({ key, requestHash }: Idempotency): Promise<Job | undefined> {
		const known = await within(PATIENCE_MS, this.#redis.hget(IDEMPOTENCY, key));
		if (known === null) return undefined;
		const [hash, id] = known.split(" ");
		if (hash !== requestHash) throw keyConflict();
		return this.get(id as JobId);
	}

	async get(id: JobId): Promise<Job> {
		return decodeJob(id, await within(PATIENCE_MS, this.#redis.hgetall(jobKey(id))));
	}

	async state(id: JobId): Promise<JobState> {
		const state = await within(PATIENCE_MS, this.#redis.hget(jobKey(id), "state"));
		if (state === null) throw jobNotFound(id);
		return state as JobState;
	}

	async list({ state, limit, before }: JobPage): Promise<Job[]> {
		const index = state === undefined ? JOBS : BY_STATE + state;
		const from = before === undefined ? "+" : `(${before}`;
		const ids = (await within(PATIENCE_MS, this.#redis.zrevrangebylex(index, from, "-", "LIMIT", 0, limit))) as JobId[];
		const jobs = await within(PATIENCE_MS, Promise.all(ids.map((id) => this.#redis.hgetall(jobKey(id)))));
		return jobs.map((fields, i) => decodeJob(ids[i]!, fields));
	}

	async transition(id: JobId, to: JobState, reason: string, patch: JobPatch = {}, attempt?: number): Promise<Transition> {
		const froms = `,${JOB_STATES.filter((from) => NEXT[from].includes(to)).join(",")},`;
		// What comes after "from", which the script knows.
		const rest = JSON.stringify({ to, reason }).slice(1);
		const written = await this.#write(id, attempt, patch, froms, to, rest);
		const job = await this.#patiently(this.get(id), attempt);
		return { job, event: { jobId: id, ...written, body: { kind: "state", from: written.before, to, reason } } };
	}

	async append(id: JobId, body: JobEventBody, patch: JobPatch = {}, attempt?: number): Promise<JobEvent> {
		const { sequence, time } = await this.#write(id, attempt, patch, "", "", JSON.stringify(body));
		return { jobId: id, sequence, time, body };
	}

	async events(id: JobId, fromSequence: number, limit: number): Promise<JobEvent[]> {
		const first = Math.max(1, fromSequence);
		const rows = await within(PATIENCE_MS, this.#redis.lrange(eventsKey(id), first - 1, first + limit - 2));
		return rows.map((row, i) => ({ jobId: id, sequence: first + i, ...(JSON.parse(row) as Pick<JobEvent, "time" | "body">) }));
	}

	async saveDataset(dataset: Dataset): Promise<void> {
		await within(PATIENCE_MS, this.#redis.hset(DATASETS, dataset.id, JSON.stringify(dataset)));
	}

	async dataset(id: string): Promise<Dataset> {
		const body = await within(PATIENCE_MS, this.#redis.hget(DATASETS, id));
		if (body === null) throw datasetNotFound(id);
		return JSON.parse(body) as Dataset;
	}

	async close(): Promise<void> {}

	async #write(id: JobId, attempt: number | undefined, patch: JobPatch, froms: string, to: string, body: string) {
		const time = Date.now();
		const set = Object.entries(patch).flatMap(([name, value]) => (value === undefined ? [] : [name, encode(name, value)]));
		const unset = Object.entries(patch).flatMap(([name, value]) => (value === undefined ? [name] : []));
		const args = [id, this.#writer, ++this.#writes, attempt ?? "", froms, to, time, body, set.length / 2, ...set, ...unset];
		const asked = this.#redis.dakWrite(jobKey(id), eventsKey(id), BY_STATE, ...args);
		const [outcome, found, before] = await this.#patiently(asked, attempt);
		if (outcome === "missing") throw jobNotFound(id);
		if (outcome === "superseded") throw superseded(id, attempt!);
		if (outcome === "state") throw mayNotFollow(id, found as JobState, to as JobState);
		return { sequence: found as number, time, before: before as JobState };
	}

	/** Who has a job in hand waits for Redis as long as it takes; everybody else is told soon. */
	#patiently<T>(work: Promise<T>, attempt: number | undefined): Promise<T> {
		return attempt === undefined ? within(PATIENCE_MS, work) : work;
	}
}

/** The state stands as it is: scripts read it. */
const encode = (name: string, value: unknown): string => (name === "state" ? String(value) : JSON.stringify(value));

function decodeJob(id: JobId, fields: Readonly<Record<string, string>>): Job {
	if (fields.state === undefined) throw jobNotFound(id);
	const own = Object.entries(fields).filter(([name]) => !name.startsWith(WRITER));
	return Object.fromEntries(own.map(([name, value]) => [name, name === "state" ? value : JSON.parse(value)])) as unknown as Job;
}
