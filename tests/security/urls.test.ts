/** A client's address is never asked: not as a dataset, a base model or an adapter, over neither protocol, and not after a redirect of names. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { AdapterService, TrainService } from "@dak/shared/proto";
import { createGrpcClient } from "@dak/shared/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SMALL_TEXTS } from "../../services/train-service/testing/small-base.js";
import { startBoth } from "../fuzz/services.js";

/** Hears whether anybody asks it anything. */
let asked = 0;
const trap = createServer((_, res) => {
	asked++;
	res.end("{}");
});
let services: Awaited<ReturnType<typeof startBoth>>;
let port: number;

beforeAll(async () => {
	await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
	port = (trap.address() as AddressInfo).port;
	trap.on("connection", () => asked++);
	services = await startBoth();
});
afterAll(async () => {
	await services.stop();
	trap.close();
});

const ADDRESSES = [
	"http://127.0.0.1:PORT/x",
	"http://localhost:PORT/x.csv",
	"http://[::1]:PORT/x",
	"//127.0.0.1:PORT/x",
	"http://2130706433:PORT/",
	"http://169.254.169.254/latest/meta-data",
	"file:///etc/passwd",
	"s3://bucket/key",
];
const TEXTS = { texts: [...SMALL_TEXTS] };

const jobs = (address: string): Record<string, unknown>[] => [
	{ base_model: "small", dataset: { url: address } },
	{ base_model: "small", dataset: { path: address } },
	{ base_model: "small", dataset: { hub: address } },
	{ base_model: "small", dataset: { upload: address } },
	{ base_model: address, dataset: TEXTS },
	{ base_model: "small", dataset: TEXTS, init_adapter: address },
];

async function refusedByRest(url: string, body: unknown): Promise<void> {
	const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
	expect(response.status, `${JSON.stringify(body).slice(0, 120)}: ${await response.clone().text()}`).toBeGreaterThanOrEqual(400);
	expect(response.status, await response.text()).toBeLessThan(500);
}

describe.each(ADDRESSES)("%s", (pattern) => {
	const address = () => pattern.replace("PORT", String(port));

	test("is refused in every place of a job and of an adapter over REST, and nobody is asked", async () => {
		for (const job of jobs(address())) await refusedByRest(`http://127.0.0.1:${services.train.restPort}/v1/jobs`, job);
		await refusedByRest(`http://127.0.0.1:${services.embed.restPort}/v1/adapters`, { name: "a", source: address() });
		await refusedByRest(`http://127.0.0.1:${services.embed.restPort}/v1/load_lora_adapter`, { lora_name: "a", lora_path: address() });
		expect(asked).toBe(0);
	});

	test("is refused over gRPC, and nobody is asked", async () => {
		const train = createGrpcClient(TrainService, `127.0.0.1:${services.train.grpcPort}`);
		const adapters = createGrpcClient(AdapterService, `127.0.0.1:${services.embed.grpcPort}`);
		const dataset = { source: { case: "texts", value: { values: TEXTS.texts } } } as const;
		const calls = [
			train.createJob({ spec: { baseModel: "small", dataset: { source: { case: "path", value: address() } } } }),
			train.createJob({ spec: { baseModel: "small", dataset: { source: { case: "upload", value: address() } } } }),
			train.createJob({ spec: { baseModel: address(), dataset } }),
			train.createJob({ spec: { baseModel: "small", dataset, initAdapter: address() } }),
			adapters.loadAdapter({ name: "a", source: { case: "path", value: address() } }),
			adapters.loadAdapter({ name: "a", source: { case: "jobId", value: address() } }),
		];
		for (const call of await Promise.allSettled(calls)) {
			expect(call.status).toBe("rejected");
			expect(["INTERNAL", "RUNTIME_FAILED"]).not.toContain((call as PromiseRejectedResult).reason.reason);
		}
		expect(asked).toBe(0);
		train.close();
		adapters.close();
	});
});
