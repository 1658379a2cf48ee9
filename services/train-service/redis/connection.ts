/** One connection to Redis, that outlasts restarts of the server: what was asked meanwhile waits and is asked again. */
import { DakError } from "@dak/shared/errors";
import type { Logger } from "@dak/shared/observability";
import { Redis } from "ioredis";

/** In braces: on a cluster all keys lie in one slot, as scripts over several keys need. */
export const PREFIX = "{dak}";
/** A lost connection is tried again this often. */
const RETRY_MS = 500;
const CONNECT_MS = 10_000;

/** @throws UNAVAILABLE if it cannot be reached within ten seconds */
export async function connectRedis(url: string, logger: Logger): Promise<Redis> {
	const redis = new Redis(url, {
		lazyConnect: true,
		// BullMQ asks for this: a command waits for the server as long as it takes. Who must not wait sets a limit of their own.
		maxRetriesPerRequest: null,
		retryStrategy: (times) => Math.min(RETRY_MS, 50 * times),
	});
	let last: Error | undefined;
	redis.on("error", (error) => {
		last = error;
		logger.debug({ err: error }, "Redis");
	});
	redis.on("close", () => logger.warn("the connection to Redis is lost; it is tried again"));
	try {
		await within(CONNECT_MS, connected(redis));
		await warnOfLoss(redis, logger);
		return redis;
	} catch (cause) {
		redis.disconnect();
		const { host, port } = redis.options;
		const why = last?.message ?? (cause as Error).message;
		throw new DakError("UNAVAILABLE", `DAK_REDIS_URL: Redis at ${host}:${port} cannot be used: ${why}`, { cause });
	}
}

async function connected(redis: Redis): Promise<void> {
	// The first try may fail while the server starts; ioredis goes on by itself.
	await redis.connect().catch(() => {});
	await redis.ping();
}

/** What was acknowledged must outlive a restart of the server, and nothing may be evicted: both are the server's settings. */
async function warnOfLoss(redis: Redis, logger: Logger): Promise<void> {
	try {
		const settings = await Promise.all(["appendonly", "maxmemory-policy"].map((name) => redis.config("GET", name) as Promise<string[]>));
		const [appendOnly, policy] = settings.map(([, value]) => value);
		if (appendOnly === "no") logger.warn("Redis has appendonly no: jobs are lost when it restarts; set appendonly yes");
		if (policy !== undefined && policy !== "noeviction")
			logger.warn(`Redis has maxmemory-policy ${policy}: jobs are lost when memory is short; set noeviction`);
	} catch {
		// A hosted Redis may not tell.
	}
}

/** The work's value. @throws UNAVAILABLE if it takes longer */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		const message = `Redis did not answer within ${milliseconds / 1000} s`;
		timer = setTimeout(() => reject(new DakError("UNAVAILABLE", message, { retryAfterMs: 5000 })), milliseconds);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}
