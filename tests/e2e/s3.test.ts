/** Nodes and replicas that share nothing but Redis and a bucket. */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "@dak/shared/config";
import { createLogger } from "@dak/shared/observability";
import { entryPoint } from "@dak/shared/runtime";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { startEmbedService } from "../../services/embed-service/service/index.js";
import { collect, scratchFolder } from "../../services/train-service/testing/index.js";
import { redisProgram, TestRedis } from "../../services/train-service/testing/redis-server.js";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";
import { type SpawnedService, spawnService } from "../../services/train-service/testing/spawn-service.js";
import { s3Python, TestS3 } from "../../shared/objects/testing/s3-server.js";

const REAL = entryPoint(new URL("../../services/train-service/index.ts", import.meta.url).href, "main");

// Several processes, on machines that may be busy.
vi.setConfig({ testTimeout: 240_000 });

const job = (more: Record<string, unknown> = {}) => ({
	base_model: "small",
	dataset: { texts: SMALL_TEXTS },
	max_length: 16,
	lora: { r: 4 },
	training: { max_steps: 40, batch_size: 4, learning_rate: 1e-2 },
	checkpoint: { every_steps: 40 },
	...more,
});

/** The job once it has ended, however long that takes. */
async function ended({ client }: SpawnedService, id: string) {
	for await (const _ of client.events(id));
	return client.until(id, "succeeded", "failed");
}

describe.skipIf(!redisProgram || !s3Python)("over Redis and S3 alone", () => {
	let redis: TestRedis;
	let s3: TestS3;
	beforeAll(async () => {
		[redis, s3] = await Promise.all([TestRedis.start(), TestS3.start()]);
	});
	afterAll(() => Promise.all([redis.stop(), s3.stop()]));

	const environment = (folder: string, name: string) => ({
		...s3.environment,
		DAK_DATA_DIR: join(folder, name),
		DAK_MODELS_DIR: join(folder, "models"),
		DAK_ARTIFACTS: "s3://dak/tests/e2e",
		DAK_REDIS_URL: redis.url,
		DAK_NODE_TIMEOUT: "1",
		DAK_THREADS: "1",
		DAK_LOG_LEVEL: "error",
	});

	/** A train-service with a disk of its own. */
	function startNode(folder: string, name: string, more: Record<string, string> = {}) {
		mkdirSync(join(folder, name), { recursive: true });
		return spawnService(REAL, join(folder, name), { ...environment(folder, name), ...more });
	}

	/** A replica of embed-service with a disk of its own. */
	async function startReplica(folder: string, name: string) {
		const ports = { DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" };
		for (const [variable, value] of Object.entries(s3.environment)) vi.stubEnv(variable, value);
		const config = loadConfig({ ...environment(folder, name), ...ports, DAK_BASE_MODEL: "small", DAK_LOG_LEVEL: "silent" });
		const service = await startEmbedService(config, { logger: createLogger("test", "silent") });
		vi.unstubAllEnvs();
		onTestFinished(() => service.close());
		return async (adapter: string) => {
			const response = await fetch(`http://127.0.0.1:${service.restPort}/embed`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({ inputs: "red wool hat", adapter }),
			});
			return { served: response.headers.get("x-dak-adapter"), body: await response.text() };
		};
	}

	test("a node that dies loses its disk with it: another goes on from the checkpoint in the bucket, and replicas serve what comes out", async () => {
		const folder = scratchFolder();
		writeSmallBase(join(folder, "models", "small"));
		const front = await startNode(folder, "front", { DAK_TRAIN_MAX_JOBS: "0" });
		const first = await startNode(folder, "first");
		const whole = await ended(front, (await front.client.create(job({ adapter_name: "hats" }))).id);
		expect(whole, JSON.stringify(whole.error)).toMatchObject({ state: "succeeded" });
		const early = await startReplica(folder, "early");
		await expect.poll(async () => (await early("hats")).served, { timeout: 20_000 }).toBe("hats@1");

		// The base's folder is the same for all, a node's own is not.
		const long = { training: { max_steps: 400, batch_size: 4, learning_rate: 1e-3 } };
		const { id } = await front.client.create(job({ adapter_name: "hats", ...long }));
		for await (const { data } of front.client.events(id)) if ((data.step as number) >= 150) break;
		first.process.kill("SIGKILL");
		await first.ended;
		const second = await startNode(folder, "second");
		const interrupted = await ended(front, id);
		expect(interrupted, JSON.stringify(interrupted.error)).toMatchObject({ state: "succeeded", restarts: 1 });
		const logs = (await collect(front.client.events(id))).map(({ data }) => String(data.message));
		expect(logs.some((line) => /^goes on from the checkpoint at step \d+ of 400$/.test(line))).toBe(true);
		const again = await ended(front, (await front.client.create(job({ adapter_name: "whole", ...long }))).id);

		const sha256 = async ({ id: of }: { id: string }, { client } = front) => {
			const file = await fetch(`${client.url}/v1/jobs/${of}/artifacts/adapter_model.safetensors`);
			return createHash("sha256")
				.update(Buffer.from(await file.arrayBuffer()))
				.digest("hex");
		};
		expect(await sha256(interrupted)).toBe(await sha256(again, second));
		expect((await fetch(`${front.client.url}/v1/jobs/${id}/report`)).status).toBe(200);

		// One replica saw both versions, the other only the second: they say the same of it, and give the same vectors.
		const late = await startReplica(folder, "late");
		await expect.poll(async () => (await early("hats")).served, { timeout: 20_000 }).toBe("hats@2");
		await expect.poll(async () => (await late("hats")).served, { timeout: 20_000 }).toBe("hats@2");
		expect((await late("hats")).body).toBe((await early("hats")).body);
	});
});
