import { EventEmitter } from "node:events";
import type { Redis } from "ioredis";
import type { JobBus, JobId, Wish } from "../jobs/index.js";
import { PREFIX } from "./connection.js";

const EVENTS = `${PREFIX}:events`;
const ASKS = `${PREFIX}:asks`;
const WAITING = `${PREFIX}:waiting`;

/** Over Redis' publish and subscribe: fast, and nothing is kept for who is not connected. */
export class RedisBus implements JobBus {
	readonly #heard = new EventEmitter().setMaxListeners(0);
	readonly #subscriber: Redis;

	constructor(private readonly redis: Redis) {
		// A connection that subscribes can do nothing else; ioredis subscribes anew after each reconnection.
		this.#subscriber = redis.duplicate({ lazyConnect: false });
		this.#subscriber.on("error", () => {});
		this.#subscriber.subscribe(EVENTS, ASKS, WAITING).catch(() => {});
		this.#subscriber.on("message", (channel: string, message: string) => {
			if (channel === EVENTS) this.#heard.emit(message);
			else if (channel === WAITING) this.#heard.emit("waiting");
			else this.#heard.emit("ask", ...message.split(" ").reverse());
		});
	}

	notify(jobId: JobId): void {
		this.redis.publish(EVENTS, jobId).catch(() => {});
	}

	onEvent(jobId: JobId, listener: () => void): () => void {
		this.#heard.on(jobId, listener);
		return () => this.#heard.off(jobId, listener);
	}

	ask(jobId: JobId, wish: Wish): void {
		this.redis.publish(ASKS, `${wish} ${jobId}`).catch(() => {});
	}

	onAsk(listener: (jobId: JobId, wish: Wish) => void): () => void {
		this.#heard.on("ask", listener);
		return () => this.#heard.off("ask", listener);
	}

	/** Says that a job waits that may be taken. */
	jobWaits(): void {
		this.redis.publish(WAITING, "").catch(() => {});
	}

	onJobWaits(listener: () => void): () => void {
		this.#heard.on("waiting", listener);
		return () => this.#heard.off("waiting", listener);
	}

	close(): void {
		this.#subscriber.disconnect();
	}
}
