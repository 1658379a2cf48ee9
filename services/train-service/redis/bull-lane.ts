/** One lane as a queue of BullMQ's: who waits, who has it in hand by a lock that runs out, and who comes again later. */
import { type Job as BullJob, Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { JobId } from "../jobs/index.js";
import type { Priority } from "../scheduling/index.js";
import { PREFIX } from "./connection.js";
import { type Lane, parseLane } from "./lanes.js";

export interface Entry {
	readonly jobId: JobId;
	/** null: not known, so that it runs alone. */
	readonly bytes: number | null;
	readonly priority: Priority;
	/** Of its user, among jobs of its priority. */
	readonly turn: number;
}

export type EntryJob = BullJob<Entry, string, string>;

export interface Head {
	readonly job: EntryJob;
	/** Lowest first. */
	readonly rank: number;
}

export interface BullLaneOptions {
	readonly redis: Redis;
	/** Without a sign of life for so long, a node has lost its job. */
	readonly lockMs: number;
	readonly backoff: (rejections: number) => number;
	readonly onError: (error: Error) => void;
	/** A job of a node that is gone waits again. */
	readonly onStalled: () => void;
}

const NEVER_GIVE_UP = 1_000_000;

export class BullLane {
	readonly lane: Lane;
	readonly #queue: Queue<Entry>;
	#worker: Worker<Entry> | undefined;

	constructor(
		name: string,
		private readonly options: BullLaneOptions,
	) {
		this.lane = parseLane(name);
		this.#queue = new Queue<Entry>(name, { connection: options.redis, prefix: PREFIX, skipMetasUpdate: true });
		this.#queue.on("error", options.onError);
	}

	/** One that is there stays as it is. `rank`: lowest first. */
	async add(entryId: string, entry: Entry, rank: number): Promise<void> {
		await this.#queue.add("job", entry, {
			jobId: entryId,
			priority: rank,
			// How often a job may be tried, the job's own record says.
			attempts: NEVER_GIVE_UP,
			backoff: { type: "custom" },
			removeOnComplete: true,
			removeOnFail: true,
		});
	}

	async has(entryId: string): Promise<boolean> {
		return (await this.#queue.getJob(entryId)) !== undefined;
	}

	/** False for one that does not wait. */
	async remove(entryId: string): Promise<boolean> {
		const job = await this.#queue.getJob(entryId);
		if (!job || !["waiting", "prioritized", "delayed"].includes(await job.getState())) return false;
		// Somebody may have taken it since: then it is locked.
		return job.remove().then(
			() => true,
			() => false,
		);
	}

	async depth(): Promise<number> {
		return this.#queue.getJobCountByTypes("waiting", "prioritized", "delayed");
	}

	/** The one that would be taken next, unless another node is faster, and its rank. Those whose node was lost come first. */
	async head(): Promise<Head | undefined> {
		const [lost] = await this.#queue.getJobs(["waiting"], 0, 0, true);
		if (lost) return { job: lost as EntryJob, rank: 0 };
		const [first] = await this.#queue.getJobs(["prioritized"], 0, 0, true);
		return first && { job: first as EntryJob, rank: first.priority };
	}

	/** Takes the next one, under the token's lock; brings up those whose back-off is over. */
	async take(token: string): Promise<EntryJob | undefined> {
		return (await this.worker().getNextJob(token, { block: false })) as EntryJob | undefined;
	}

	/** From the first call on, jobs whose lock has run out are looked for. */
	worker(): Worker<Entry> {
		if (this.#worker) return this.#worker;
		const { redis, lockMs, backoff, onError, onStalled } = this.options;
		const worker = new Worker<Entry>(this.lane.name, null as never, {
			connection: redis,
			prefix: PREFIX,
			autorun: false,
			lockDuration: lockMs,
			stalledInterval: lockMs / 2,
			// How many crashes are too many, the job's own record says.
			maxStalledCount: NEVER_GIVE_UP,
			settings: { backoffStrategy: backoff },
		});
		worker.on("error", onError);
		worker.on("stalled", onStalled);
		worker.startStalledCheckTimer().catch(onError);
		this.#worker = worker;
		return worker;
	}

	async close(): Promise<void> {
		await this.#worker?.close(true);
		await this.#queue.close();
	}
}
