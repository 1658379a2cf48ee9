/** The client against a real embed-service, over both protocols. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DakClient } from "@dak/shared/client";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbedTestService, launchEmbedService, publishTestAdapter } from "../contract/embed-service.setup.js";

let service: EmbedTestService;
let grpcPort: number;

beforeAll(async () => {
	grpcPort = await freePort();
	service = await launchEmbedService({ DAK_EMBED_GRPC_PORT: String(grpcPort), DAK_MAX_CLIENT_BATCH: "8", DAK_MAX_QUEUE_TEXTS: "20" });
	const base = await openBaseModel(await resolveModel("all-MiniLM-L6-v2", { modelsDir: process.env.DAK_TEST_MODELS }));
	publishTestAdapter(service, "parts", base, { seed: "parts" });
	base.weights.close();
});
afterAll(() => service.stop());

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await new Promise((ready) => server.once("listening", ready));
	const { port } = server.address() as AddressInfo;
	await new Promise((closed) => server.close(closed));
	return port;
}

const TEXTS = Array.from({ length: 50 }, (_, i) => `${["hex bolt", "ball valve", "o-ring"][i % 3]} number ${i}`);

describe.each(["rest", "grpc"] as const)("over %s", (transport) => {
	let client: DakClient;
	beforeAll(() => {
		client = new DakClient({ embedUrl: service.url, embedGrpc: `127.0.0.1:${grpcPort}`, transport, retry: { baseMs: 20, retries: 20 } });
	});
	afterAll(() => client.close());

	test("many texts go in batches that the service takes, and come back in order", async () => {
		const { vectors, adapters } = await client.embed(TEXTS, { batchSize: 1000 });
		expect(adapters).toEqual(["base"]);
		expect(vectors).toHaveLength(TEXTS.length);
		for (const i of [0, 7, 8, 49]) {
			const alone = (await client.embed([TEXTS[i]!])).vectors[0]!;
			expect(alone.reduce((sum, value, j) => sum + value * vectors[i]![j]!, 0)).toBeCloseTo(1, 4);
		}
	});

	test("more under way than the service has room for still ends well", async () => {
		const { vectors } = await client.embed(TEXTS, { batchSize: 8, concurrency: 7 });
		expect(vectors.every((vector) => vector.length === 384)).toBe(true);
	});

	test("a text of any length is embedded in windows", async () => {
		const [start, end] = ["red hat ".repeat(125), "blue hat ".repeat(125)];
		const { vectors } = await client.embed([start + end, start, end], { longTexts: "window", normalize: false });
		const [whole, ...parts] = vectors as [Float32Array, Float32Array, Float32Array];
		expect(Math.max(...whole.map((value, d) => Math.abs(value - (parts[0]![d]! + parts[1]![d]!) / 2)))).toBeLessThan(1e-5);
		const [same] = await client.similarity(start + end, [start + end], { longTexts: "window" });
		expect(same).toBeCloseTo(1, 5);
	});

	test("an adapter is named, and so is the generation that answered", async () => {
		await client.adapters.load("parts");
		const { vectors, adapters } = await client.embed(["hex bolt"], { adapter: "parts", dimensions: 64 });
		expect(adapters).toEqual([expect.stringMatching(/^parts@\d+$/)]);
		expect(vectors[0]).toHaveLength(64);
		expect(await client.similarity("hex bolt", ["hex bolt", "a poem"], { adapter: "parts" })).toEqual([
			expect.closeTo(1, 4),
			expect.any(Number),
		]);
	});

	test("an adapter that is not there is an error, as is a text that is none, and neither is tried again", async () => {
		await expect(client.embed(["a"], { adapter: "nobody" })).rejects.toMatchObject({ reason: "ADAPTER_NOT_FOUND", status: 404 });
		await expect(client.similarity("a", [])).rejects.toMatchObject({ name: "DakApiError", reason: "EMPTY_INPUT" });
	});

	test("a signal ends a long call", async () => {
		await expect(client.embed(TEXTS, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
		const stop = new AbortController();
		setTimeout(() => stop.abort(new Error("enough")), 30);
		await expect(
			client.embed(
				Array.from({ length: 20 }).flatMap(() => TEXTS),
				{ signal: stop.signal },
			),
		).rejects.toThrow("enough");
	});
});

test("adapters are listed, unloaded and what is served is told", async () => {
	const client = new DakClient({ embedUrl: service.url });
	expect(await client.adapters.list()).toMatchObject([{ name: "parts", rank: 4 }]);
	await client.adapters.unload("parts");
	expect(await client.adapters.list()).toEqual([]);
	await expect(client.adapters.unload("parts")).rejects.toMatchObject({ reason: "ADAPTER_NOT_FOUND" });
	expect(await client.embeddings.info()).toMatchObject({ model_id: "all-MiniLM-L6-v2", dimension: 384, max_client_batch_size: 8 });
});
