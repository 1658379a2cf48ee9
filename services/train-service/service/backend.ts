/** Where jobs are written down and wait: in this process' own files and memory, or in Redis, where every node sees them. */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "@dak/shared/config";
import type { Logger } from "@dak/shared/observability";
import {
	type DatasetStore,
	EmbeddedQueue,
	type JobBus,
	type JobQueue,
	type JobService,
	type JobStore,
	LibsqlJobStore,
	LocalBus,
} from "../jobs/index.js";
import { connectRedis, NodeDirectory, type NodeFacts, RedisBus, RedisJobStore, RedisQueue } from "../redis/index.js";
import type { Supervisor } from "../supervision/index.js";

export interface Backend {
	readonly store: JobStore & DatasetStore;
	readonly bus: JobBus;
	/** Folder of what other nodes need as well: datasets, checkpoints, reports. */
	readonly sharedRoot: string;
	/** Folder of what this process alone works with. */
	readonly workRoot: string;
	openQueue(onDepth: (waiting: number) => void, facts: NodeFacts): JobQueue;
	/** Most that a job may take that asks for a device, over all nodes; undefined where none runs such jobs. */
	largestBytes(device: string): Promise<number | undefined>;
	/** Clears up and takes up what was left unfinished; before any job runs. */
	recover(jobs: JobService, supervisor: Supervisor): Promise<void>;
	/** Why requests cannot be served now; undefined where they can. */
	notReady(): string | undefined;
	close(): Promise<void>;
}

/** @throws UNAVAILABLE if another service has the data folder, or Redis cannot be reached */
export async function openBackend(config: Config, logger: Logger): Promise<Backend> {
	mkdirSync(config.dataDir, { recursive: true });
	return config.DAK_REDIS_URL === undefined ? embedded(config) : overRedis(config, config.DAK_REDIS_URL, logger);
}

function embedded({ dataDir }: Config): Backend {
	const store = new LibsqlJobStore(join(dataDir, "jobs.db"));
	let facts: NodeFacts | undefined;
	return {
		store,
		bus: new LocalBus(),
		sharedRoot: dataDir,
		workRoot: join(dataDir, "work"),
		openQueue: (onDepth, own) => {
			facts = own;
			return new EmbeddedQueue({ onDepth, budgetBytes: own.budgetBytes });
		},
		largestBytes: async (device) => (device === "auto" || facts!.devices.includes(device) ? facts!.budgetBytes : undefined),
		recover: async (jobs, supervisor) => {
			await supervisor.sweep();
			await jobs.recover();
		},
		notReady: () => undefined,
		close: () => store.close(),
	};
}

/** Between looks for jobs that should wait and do not, and for folders of nodes that are gone. */
const RECONCILE_MS = 30_000;
/** A younger job's submission may still be under way. */
const SETTLED_MS = 15_000;

async function overRedis(config: Config, url: string, logger: Logger): Promise<Backend> {
	const redis = await connectRedis(url, logger);
	const bus = new RedisBus(redis);
	const store = new RedisJobStore(redis);
	const works = join(config.dataDir, "work");
	let nodes: NodeDirectory | undefined;
	let id = "";
	let reconciling: NodeJS.Timeout | undefined;
	/** Removes what nodes on this machine left that are gone. */
	const sweep = async () => {
		const alive = await nodes!.alive();
		if (!existsSync(works)) return;
		for (const name of readdirSync(works)) if (!alive.has(name)) rmSync(join(works, name), { recursive: true, force: true });
	};
	return {
		store,
		bus,
		// One folder that all nodes have: with adapters in it, everything else that they share is there too.
		sharedRoot: config.artifacts.kind === "folder" ? config.artifactsDir : config.dataDir,
		get workRoot() {
			return join(works, id);
		},
		openQueue: (onDepth, facts) => {
			nodes = new NodeDirectory(redis, facts, logger);
			id = nodes.id;
			const { budgetBytes, devices } = facts;
			return new RedisQueue({ redis, bus, logger, onDepth, budgetBytes, devices, lockMs: 1000 * config.DAK_NODE_TIMEOUT });
		},
		largestBytes: (device) => nodes!.largestBytes(device),
		recover: async (jobs) => {
			await nodes!.join();
			const look = async () => {
				await jobs.reconcile(SETTLED_MS);
				await sweep();
			};
			await look();
			const fault = (error: unknown) => logger.warn({ err: error }, "waiting jobs could not be looked over; tried again later");
			reconciling = setInterval(() => void look().catch(fault), RECONCILE_MS);
		},
		notReady: () => (redis.status === "ready" ? undefined : "Redis is not connected"),
		close: async () => {
			clearInterval(reconciling);
			await nodes?.leave();
			bus.close();
			redis.disconnect();
		},
	};
}
