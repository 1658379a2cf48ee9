/** Which nodes are alive, and what each can hold: a job is refused only if none of them could run it. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Logger } from "@dak/shared/observability";
import type { Redis } from "ioredis";
import { PREFIX, within } from "./connection.js";

export interface NodeFacts {
	/** Where jobs run that leave it open. */
	readonly device: string;
	/** Where jobs can run that ask for it. */
	readonly devices: readonly string[];
	/** Most that jobs may hold together. */
	readonly budgetBytes: number;
	/** Jobs at a time; 0: it only answers. */
	readonly maxJobs: number;
}

const NODES = `${PREFIX}:nodes`;
const nodeKey = (id: string) => `${PREFIX}:node:${id}`;
const BEAT_MS = 5000;
/** A node that has not been heard of for so long is not counted on. */
const ALIVE_MS = 20_000;
const PATIENCE_MS = 10_000;

export class NodeDirectory {
	/** Of this process: another one at each start. */
	readonly id = `${hostname().replace(/[^A-Za-z0-9-]/g, "-")}-${process.pid}-${randomUUID().slice(0, 8)}`;
	#beat: NodeJS.Timeout | undefined;

	constructor(
		private readonly redis: Redis,
		private readonly facts: NodeFacts,
		private readonly logger: Logger,
	) {}

	/** From now on others count on this node. */
	async join(): Promise<void> {
		await within(PATIENCE_MS, this.redis.sadd(NODES, this.id));
		const beat = () => within(PATIENCE_MS, this.redis.set(nodeKey(this.id), JSON.stringify(this.facts), "PX", ALIVE_MS));
		await beat();
		this.#beat = setInterval(() => {
			beat().catch((error) => this.logger.warn({ err: error }, "this node could not say that it is alive"));
		}, BEAT_MS);
	}

	async leave(): Promise<void> {
		clearInterval(this.#beat);
		await within(PATIENCE_MS, this.redis.del(nodeKey(this.id))).catch(() => {});
	}

	/** Nodes that are alive, this one among them. */
	async alive(): Promise<ReadonlyMap<string, NodeFacts>> {
		const ids = await within(PATIENCE_MS, this.redis.smembers(NODES));
		if (ids.length === 0) return new Map();
		const facts = await within(PATIENCE_MS, this.redis.mget(ids.map(nodeKey)));
		const gone = ids.filter((_, i) => facts[i] === null);
		if (gone.length > 0) this.redis.srem(NODES, ...gone).catch(() => {});
		return new Map(ids.flatMap((id, i): [string, NodeFacts][] => (facts[i] ? [[id, JSON.parse(facts[i]) as NodeFacts]] : [])));
	}

	/** Most that a job may take that asks for a device, or leaves it open; undefined where no node runs such jobs. */
	async largestBytes(device: string): Promise<number | undefined> {
		const able = [...(await this.alive()).values()].filter(
			({ maxJobs, devices }) => maxJobs > 0 && (device === "auto" || devices.includes(device)),
		);
		return able.length === 0 ? undefined : Math.max(...able.map(({ budgetBytes }) => budgetBytes));
	}
}
