/**
 * Jobs in one libsql file: one process, one connection, on the main thread. The file is locked while it is open, so that a second
 * service on the same folder cannot take the first one's running jobs for interrupted ones.
 */
import { DakError } from "@dak/shared/errors";
import Database from "libsql";
import { idsFollow, type JobId, jobNotFound } from "./ids.js";
import type { JobSettings } from "./settings.js";
import { NEXT } from "./states.js";
import {
	type DatasetStore,
	datasetNotFound,
	type Idempotency,
	type JobPage,
	type JobPatch,
	type JobStore,
	keyConflict,
	mayNotFollow,
	superseded,
	type Transition,
} from "./store.js";
import type { Dataset, Job, JobEvent, JobEventBody, JobState } from "./types.js";

/** Each entry brings the file one version up; entries are never changed, only added. */
const MIGRATIONS: readonly string[] = [
	// Settings stand apart from what changes: they may be megabytes, and a step writes the rest anew.
	`CREATE TABLE jobs (id TEXT PRIMARY KEY, state TEXT NOT NULL, settings TEXT NOT NULL, body TEXT NOT NULL, next_sequence INTEGER NOT NULL DEFAULT 1) STRICT;
	 CREATE INDEX jobs_by_state ON jobs (state, id);
	 CREATE TABLE events (job_id TEXT NOT NULL, sequence INTEGER NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job_id, sequence)) STRICT, WITHOUT ROWID;
	 CREATE TABLE idempotency (key TEXT PRIMARY KEY, request_hash TEXT NOT NULL, job_id TEXT NOT NULL) STRICT;
	 CREATE TABLE datasets (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;`,
];

interface JobRow {
	readonly state: JobState;
	readonly settings: string;
	readonly body: string;
}

type JobBody = Omit<Job, "state" | "settings">;

const toJob = ({ state, settings, body }: JobRow): Job => ({
	...(JSON.parse(body) as JobBody),
	state,
	settings: JSON.parse(settings) as JobSettings,
});

/**
 * Holds a lock that the kernel gives up with the process, however that ends; returns what gives it up before. The lock has a file
 * of its own: one on a WAL database cannot be given up while the process lives.
 */
function lock(file: string): () => void {
	const held = new Database(`${file}.lock`);
	try {
		held.exec("BEGIN EXCLUSIVE");
	} catch (cause) {
		held.close();
		if (!String((cause as { code?: unknown }).code).startsWith("SQLITE_BUSY")) throw cause;
		throw new DakError("UNAVAILABLE", `${file} is in use by another train-service; allowed: one for each DAK_DATA_DIR`, { cause });
	}
	return () => {
		held.exec("ROLLBACK");
		held.close();
	};
}

export class LibsqlJobStore implements JobStore, DatasetStore {
	readonly #db: Database.Database;
	readonly #unlock: () => void;

	/** Opens or makes the file. @throws UNAVAILABLE if it is open already */
	constructor(file: string) {
		this.#unlock = lock(file);
		this.#db = new Database(file);
		this.#db.pragma("journal_mode = WAL");
		this.#db.pragma("synchronous = NORMAL");
		this.#migrate();
		const { id } = this.#db.prepare("SELECT max(id) AS id FROM jobs").get() as { id: JobId | null };
		if (id !== null) idsFollow(id);
	}

	async insert(job: Job, idempotency?: Idempotency): Promise<Job> {
		return this.#atomic(() => {
			const known = idempotency && this.#byKey(idempotency);
			if (known) return known;
			const { state, settings, ...body } = job;
			this.#db
				.prepare("INSERT INTO jobs (id, state, settings, body) VALUES (?, ?, ?, ?)")
				.run(job.id, state, JSON.stringify(settings), JSON.stringify(body));
			if (idempotency) this.#db.prepare("INSERT INTO idempotency VALUES (?, ?, ?)").run(idempotency.key, idempotency.requestHash, job.id);
			return job;
		});
	}

	async findByKey(idempotency: Idempotency): Promise<Job | undefined> {
		return this.#byKey(idempotency);
	}

	async get(id: JobId): Promise<Job> {
		return this.#get(id);
	}

	async state(id: JobId): Promise<JobState> {
		const row = this.#db.prepare("SELECT state FROM jobs WHERE id = ?").get(id) as Pick<JobRow, "state"> | undefined;
		if (!row) throw jobNotFound(id);
		return row.state;
	}

	#byKey({ key, requestHash }: Idempotency): Job | undefined {
		const row = this.#db.prepare("SELECT request_hash, job_id FROM idempotency WHERE key = ?").get(key);
		if (!row) return undefined;
		const { request_hash, job_id } = row as { request_hash: string; job_id: string };
		if (request_hash === requestHash) return this.#get(job_id as JobId);
		throw keyConflict();
	}

	#get(id: JobId): Job {
		const row = this.#db.prepare("SELECT state, settings, body FROM jobs WHERE id = ?").get(id) as JobRow | undefined;
		if (!row) throw jobNotFound(id);
		return toJob(row);
	}

	async list({ state, limit, before }: JobPage): Promise<Job[]> {
		const rows = this.#db
			.prepare(
				"SELECT state, settings, body FROM jobs WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
			)
			.all(state ?? null, before ?? null, limit) as JobRow[];
		return rows.map(toJob);
	}

	async transition(id: JobId, to: JobState, reason: string, patch: JobPatch = {}, attempt?: number): Promise<Transition> {
		return this.#atomic(() => {
			const job = this.#held(id, attempt);
			if (!NEXT[job.state].includes(to)) throw mayNotFollow(id, job.state, to);
			this.#db.prepare("UPDATE jobs SET state = ? WHERE id = ?").run(to, id);
			this.#patch(id, patch);
			return { job: { ...job, ...patch, state: to }, event: this.#event(id, { kind: "state", from: job.state, to, reason }) };
		});
	}

	async append(id: JobId, body: JobEventBody, patch?: JobPatch, attempt?: number): Promise<JobEvent> {
		return this.#atomic(() => {
			if (attempt !== undefined) this.#held(id, attempt);
			if (patch) this.#patch(id, patch);
			return this.#event(id, body);
		});
	}

	async events(id: JobId, fromSequence: number, limit: number): Promise<JobEvent[]> {
		const rows = this.#db
			.prepare("SELECT sequence, time, body FROM events WHERE job_id = ? AND sequence >= ? ORDER BY sequence LIMIT ?")
			.all(id, fromSequence, limit);
		return (rows as { sequence: number; time: number; body: string }[]).map(({ sequence, time, body }) => ({
			jobId: id,
			sequence,
			time,
			body: JSON.parse(body) as JobEventBody,
		}));
	}

	async saveDataset(dataset: Dataset): Promise<void> {
		this.#db.prepare("INSERT INTO datasets VALUES (?, ?)").run(dataset.id, JSON.stringify(dataset));
	}

	async dataset(id: string): Promise<Dataset> {
		const row = this.#db.prepare("SELECT body FROM datasets WHERE id = ?").get(id) as { body: string } | undefined;
		if (!row) throw datasetNotFound(id);
		return JSON.parse(row.body) as Dataset;
	}

	async close(): Promise<void> {
		this.#db.close();
		this.#unlock();
	}

	/** The job, if it is in the attempt's hands, or nobody asks in whose. */
	#held(id: JobId, attempt: number | undefined): Job {
		const job = this.#get(id);
		if (attempt !== undefined && (job.attempt ?? 0) !== attempt) throw superseded(id, attempt);
		return job;
	}

	#patch(id: JobId, patch: JobPatch): void {
		const row = this.#db.prepare("SELECT body FROM jobs WHERE id = ?").get(id) as { body: string } | undefined;
		if (!row) throw jobNotFound(id);
		const body = { ...(JSON.parse(row.body) as JobBody), ...patch };
		this.#db.prepare("UPDATE jobs SET body = ? WHERE id = ?").run(JSON.stringify(body), id);
	}

	#event(jobId: JobId, body: JobEventBody): JobEvent {
		const row = this.#db
			.prepare("UPDATE jobs SET next_sequence = next_sequence + 1 WHERE id = ? RETURNING next_sequence - 1 AS sequence")
			.get(jobId);
		if (!row) throw jobNotFound(jobId);
		const event = { jobId, sequence: (row as { sequence: number }).sequence, time: Date.now(), body };
		this.#db.prepare("INSERT INTO events VALUES (?, ?, ?, ?)").run(jobId, event.sequence, event.time, JSON.stringify(body));
		return event;
	}

	/** A full disk ends the transaction by itself: libsql's own `transaction` then fails over its ROLLBACK, and hides why. */
	#atomic<T>(work: () => T): T {
		this.#db.exec("BEGIN IMMEDIATE");
		try {
			const result = work();
			this.#db.exec("COMMIT");
			return result;
		} catch (error) {
			if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
			throw error;
		}
	}

	#migrate(): void {
		const version = (this.#db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
		MIGRATIONS.slice(version).forEach((sql, i) => {
			this.#db.exec(`BEGIN; ${sql} PRAGMA user_version = ${version + i + 1}; COMMIT;`);
		});
	}
}
