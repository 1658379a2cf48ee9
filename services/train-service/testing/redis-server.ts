/** A Redis server of the test's own: on a free port, in a folder of its own, keeping what it acknowledged; it can be killed and come back. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

/** The server's program; undefined where there is none, and tests that need it are skipped. */
export const redisProgram: string | undefined = process.env.DAK_TEST_REDIS || undefined;

/** A port that nobody listens on now. */
export function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer().once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address() as { port: number };
			server.close(() => resolve(port));
		});
	});
}

export class TestRedis {
	#process: ChildProcess | undefined;

	private constructor(
		readonly port: number,
		readonly folder: string,
	) {}

	static async start(): Promise<TestRedis> {
		const redis = new TestRedis(await freePort(), mkdtempSync(join(tmpdir(), "dak-redis-")));
		await redis.up();
		return redis;
	}

	get url(): string {
		return `redis://127.0.0.1:${this.port}`;
	}

	/** Starts it (again) with what its folder holds. */
	async up(): Promise<void> {
		const options = { port: this.port, bind: "127.0.0.1", dir: this.folder, appendonly: "yes", appendfsync: "everysec", save: "" };
		const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
		this.#process = spawn(redisProgram!, [...args, "--maxmemory-policy", "noeviction"], { stdio: "ignore" });
		const client = new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
		client.on("error", () => {});
		await client.ping();
		client.disconnect();
	}

	/** As kill -9 ends it. */
	async kill(): Promise<void> {
		const child = this.#process;
		if (!child || child.exitCode !== null || child.signalCode !== null) return;
		const ended = new Promise((resolve) => child.once("exit", resolve));
		child.kill("SIGKILL");
		await ended;
	}

	async stop(): Promise<void> {
		await this.kill();
		rmSync(this.folder, { recursive: true, force: true });
	}

	/** Removes all keys: for the next test. */
	async clear(): Promise<void> {
		const client = new Redis(this.url);
		await client.flushall();
		client.disconnect();
	}
}
