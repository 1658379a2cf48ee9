/**
 * The queue that nodes share, over BullMQ. A node looks at the lanes that it may serve and takes the job that comes first among those
 * that it can hold: by priority, then by turns between users, then by arrival. It keeps a lock on what it runs; when the lock runs
 * out, the job waits again, before all others.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "@dak/shared/observability";
import type { Redis } from "ioredis";
import { backoffMs, type JobClaim, type JobHandler, type JobId, type JobQueue, type JobRest } from "../jobs/index.js";
import { MOST_OVERTAKING, PRIORITIES, type Priority } from "../scheduling/index.js";
import { BullLane, type EntryJob, type Head } from "./bull-lane.js";
import { PREFIX, within } from "./connection.js";
import { laneOf, parseLane } from "./lanes.js";
import type { RedisBus } from "./redis-bus.js";
import { type ScriptedRedis, withScripts } from "./scripts.js";

export interface RedisQueueOptions {
	readonly redis: Redis;
	readonly bus: RedisBus;
	readonly logger: Logger;
	/** Where jobs can run here, beside those that leave it open. */
	readonly devices?: readonly string[];
	/** What running jobs may hold together by their claims. */
	readonly budgetBytes?: number;
	/** Hears how many jobs wait on all nodes. */
	readonly onDepth?: (waiting: number) => void;
	/** Before a job whose handler rejected is handed out again, by how often it did. */
	readonly backoff?: (rejections: number) => number;
	/** Without a sign of life for so long, a node has lost its jobs. */
	readonly lockMs?: number;
	/** Between looks without a wake-up. */
	readonly lookMs?: number;
}

const NO_CLAIM: JobClaim = { user: "", priority: "normal", bytes: 0 };
const LANES = `${PREFIX}:lanes`;
const PLACES = `${PREFIX}:places`;
const TURNS = `${PREFIX}:turns`;
/** BullMQ's priorities end at 2^21: so many turns fit into each of ours. Then they begin anew. */
const TURNS_A_PRIORITY = 600_000;
const PATIENCE_MS = 10_000;

const rankOf = (priority: Priority, turn: number): number => 1 + PRIORITIES.indexOf(priority) * TURNS_A_PRIORITY + turn;
const bytesOf = ({ data }: EntryJob): number => data.bytes ?? Number.POSITIVE_INFINITY;

/** By rank, then by arrival: the clock of whoever put it in, and within a millisecond its id. */
function inTurn(a: Head | undefined, b: Head | undefined): number {
	if (!a || !b) return Number(!a) - Number(!b);
	return a.rank - b.rank || a.job.timestamp - b.job.timestamp || (a.job.id! < b.job.id! ? -1 : 1);
}

interface Running {
	readonly bytes: number;
	readonly ended: Promise<void>;
}

export class RedisQueue implements JobQueue {
	readonly #redis: ScriptedRedis;
	readonly #options: Required<RedisQueueOptions>;
	readonly #lanes = new Map<string, BullLane>();
	readonly #running = new Map<JobId, Running>();
	/** By entry: jobs that started here before it though it was their turn's first. */
	readonly #overtaken = new Map<string, number>();
	readonly #closing = new AbortController();
	#handler: JobHandler | undefined;
	#concurrency = 0;
	#looking: Promise<void> | undefined;
	#wake: () => void = () => {};
	#woken = false;

	constructor(options: RedisQueueOptions) {
		this.#redis = withScripts(options.redis);
		this.#options = {
			devices: [],
			budgetBytes: Number.POSITIVE_INFINITY,
			onDepth: () => {},
			backoff: backoffMs,
			lockMs: 30_000,
			lookMs: 2000,
			...options,
		};
	}

	heldBytes(but: JobId): number {
		return [...this.#running].reduce((sum, [id, { bytes }]) => (id === but ? sum : sum + bytes), 0);
	}

	async add(jobId: JobId, claim = NO_CLAIM): Promise<void> {
		await within(PATIENCE_MS, this.#add(jobId, claim));
	}

	async #add(jobId: JobId, claim: JobClaim): Promise<void> {
		const entry = `${jobId}.${claim.round ?? 0}`;
		const place = await this.#placeOf(jobId);
		// What the job takes may be known better since: where it is, it stays.
		if (place?.entry === entry && (await this.#lane(place.lane).has(entry))) return;
		const lane = laneOf(claim);
		await this.#redis.sadd(LANES, lane);
		await this.#redis.hset(PLACES, jobId, `${lane} ${entry}`);
		const { user, priority, bytes } = claim;
		const turn = await this.#redis.dakNextTurn(TURNS, priority, user, TURNS_A_PRIORITY - 1);
		const data = { jobId, bytes: Number.isFinite(bytes) ? bytes : null, priority, turn };
		await this.#lane(lane).add(entry, data, rankOf(priority, turn));
		this.#options.bus.jobWaits();
	}

	async remove(jobId: JobId): Promise<boolean> {
		const place = await this.#placeOf(jobId);
		if (!place || !(await this.#lane(place.lane).remove(place.entry))) return false;
		await this.#redis.hdel(PLACES, jobId);
		this.#options.bus.jobWaits();
		return true;
	}

	async depth(): Promise<number> {
		const names = await within(PATIENCE_MS, this.#redis.smembers(LANES));
		const depths = await within(PATIENCE_MS, Promise.all(names.map((name) => this.#lane(name).depth())));
		return depths.reduce((sum, depth) => sum + depth, 0);
	}

	start(handler: JobHandler, concurrency: number): void {
		this.#handler = handler;
		this.#concurrency = concurrency;
		const stopListening = this.#options.bus.onJobWaits(() => this.#look());
		this.#closing.signal.addEventListener("abort", stopListening);
		this.#looking ??= this.#lookAgainAndAgain();
	}

	async close(): Promise<void> {
		this.#closing.abort();
		this.#look();
		await this.#looking;
		await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
		this.#options.bus.jobWaits();
		await Promise.allSettled([...this.#lanes.values()].map((lane) => lane.close()));
	}

	#look(): void {
		this.#woken = true;
		this.#wake();
	}

	async #lookAgainAndAgain(): Promise<void> {
		const { logger, lookMs } = this.#options;
		while (!this.#closing.signal.aborted) {
			this.#woken = false;
			try {
				while (await this.#takeOne());
				this.#options.onDepth(await this.depth());
			} catch (error) {
				logger.warn({ err: error }, "the queue cannot be looked at; tried again soon");
			}
			if (!this.#woken) await this.#wokenOrAfter(lookMs);
		}
	}

	#wokenOrAfter(milliseconds: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, milliseconds);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	/** Takes the first job that this node can hold now; false where there is none. */
	async #takeOne(): Promise<boolean> {
		const passed: string[] = [];
		for (const { lane, head } of await this.#heads()) {
			if (this.#closing.signal.aborted || this.#running.size >= this.#concurrency) return false;
			if (head && !this.#fits(bytesOf(head.job))) {
				const { id } = head.job;
				if (!this.#couldFit(bytesOf(head.job))) continue;
				// What comes free is kept for it from now on.
				if ((this.#overtaken.get(id!) ?? 0) >= MOST_OVERTAKING) return false;
				passed.push(id!);
				continue;
			}
			const token = randomUUID();
			const job = await lane.take(token);
			if (!job) continue;
			// Another node was faster with the one that was seen, and the next one is larger.
			if (!this.#fits(bytesOf(job))) {
				await job.moveToWait(token);
				continue;
			}
			for (const entry of passed) this.#overtaken.set(entry, (this.#overtaken.get(entry) ?? 0) + 1);
			this.#overtaken.delete(job.id!);
			this.#run(job, token);
			return true;
		}
		return false;
	}

	/** Lanes that this node may serve, in the order of their heads; those without one last: of theirs, a back-off may be over. */
	async #heads(): Promise<{ readonly lane: BullLane; readonly head: Head | undefined }[]> {
		if (this.#running.size >= this.#concurrency) return [];
		const names = (await this.#redis.smembers(LANES)).filter((name) => this.#serves(name));
		const lanes = names.map((name) => this.#lane(name));
		const heads = await Promise.all(
			lanes.map(async (lane) => {
				lane.worker();
				return { lane, head: await lane.head() };
			}),
		);
		return heads.sort((a, b) => inTurn(a.head, b.head));
	}

	#serves(name: string): boolean {
		const { device } = parseLane(name);
		return device === "auto" || this.#options.devices.includes(device);
	}

	/** Whether it fits beside what runs. One whose memory is not known runs alone. */
	#fits(bytes: number): boolean {
		if (this.#running.size === 0) return this.#couldFit(bytes);
		return bytes <= this.#options.budgetBytes - this.heldBytes("" as JobId);
	}

	/** Whether it fits when nothing else runs. */
	#couldFit(bytes: number): boolean {
		return bytes <= this.#options.budgetBytes || bytes === Number.POSITIVE_INFINITY;
	}

	#run(job: EntryJob, token: string): void {
		const ended = this.#runToRest(job, token).finally(() => {
			this.#running.delete(job.data.jobId);
			this.#look();
		});
		this.#running.set(job.data.jobId, { bytes: bytesOf(job), ended });
	}

	async #runToRest(job: EntryJob, token: string): Promise<void> {
		const { logger, lockMs } = this.#options;
		const lost = new AbortController();
		const heartbeat = setInterval(() => {
			job.extendLock(token, lockMs).then(
				(held) => held || lost.abort(),
				(error) => logger.warn({ job_id: job.data.jobId, err: error }, "the lock on a job could not be renewed"),
			);
		}, lockMs / 3);
		lost.signal.addEventListener("abort", () =>
			logger.warn({ job_id: job.data.jobId }, "the lock on a job has run out: it is given up here"),
		);
		const { priority, turn, jobId } = job.data;
		try {
			await this.#redis.dakTurnIsOn(TURNS, priority, turn);
			const signal = AbortSignal.any([this.#closing.signal, lost.signal]);
			await this.#rest(job, token, await this.#handler!(jobId, signal));
		} catch (error) {
			await this.#rejected(job, token, error as Error);
		} finally {
			clearInterval(heartbeat);
		}
	}

	/** A job that is no longer this node's, its lock gone, is left as it is. */
	async #rest(job: EntryJob, token: string, rest: JobRest): Promise<void> {
		const { logger } = this.#options;
		const { jobId } = job.data;
		try {
			if (rest === "put_back") await job.moveToWait(token);
			else {
				await job.moveToCompleted("", token, false);
				if ((await this.#placeOf(jobId))?.entry === job.id) await this.#redis.hdel(PLACES, jobId);
			}
		} catch (error) {
			logger.debug({ job_id: jobId, err: error }, "the queue's entry of a job was not this node's any more");
		}
	}

	async #rejected(job: EntryJob, token: string, error: Error): Promise<void> {
		try {
			await job.moveToFailed(error, token, false);
		} catch (fault) {
			this.#options.logger.debug({ job_id: job.data.jobId, err: fault }, "the queue's entry of a job was not this node's any more");
		}
	}

	async #placeOf(jobId: JobId): Promise<{ readonly lane: string; readonly entry: string } | undefined> {
		const place = await within(PATIENCE_MS, this.#redis.hget(PLACES, jobId));
		if (place === null) return undefined;
		const [lane, entry] = place.split(" ");
		return { lane: lane!, entry: entry! };
	}

	#lane(name: string): BullLane {
		const known = this.#lanes.get(name);
		if (known) return known;
		const { redis, logger, lockMs, backoff } = this.#options;
		const lane = new BullLane(name, {
			redis,
			lockMs,
			backoff,
			onError: (error) => logger.debug({ err: error }, "BullMQ"),
			onStalled: () => this.#look(),
		});
		this.#lanes.set(name, lane);
		return lane;
	}
}
