/** The client against a real train-service, whose training process only pretends. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DakApiError, DakClient, type JobEventJson } from "@dak/shared/client";
import { expect, onTestFinished, test } from "vitest";
import { collect, jobWith, launchService, scratchFolder, startService, TEXTS } from "../../services/train-service/testing/index.js";
import { cuttingProxy } from "./cutting-proxy.js";

const job = (more: Record<string, unknown> = {}) => jobWith(more) as Parameters<DakClient["jobs"]["create"]>[0];

type Place = { readonly url: string; readonly grpcAddress: string };

function clientOf({ url, grpcAddress }: Place, options: ConstructorParameters<typeof DakClient>[0] = {}): DakClient {
	const client = new DakClient({ trainUrl: url, trainGrpc: grpcAddress, retry: { baseMs: 5 }, ...options });
	onTestFinished(() => client.close());
	return client;
}

test("a file is uploaded, a job made of it, watched to its end, and its files fetched", async () => {
	const client = clientOf(await startService());
	const file = join(scratchFolder(), "titles.csv");
	writeFileSync(file, `id,title\n${TEXTS.map((text, i) => `${i},${text}`).join("\n")}\n`);
	const dataset = await client.datasets.uploadFile(file, { textColumn: "title" });
	expect(dataset).toMatchObject({ filename: "titles.csv", statistics: { texts: TEXTS.length } });
	expect(await client.datasets.get(dataset.id)).toEqual(dataset);

	const { id } = await client.jobs.create({
		base_model: "all-MiniLM-L6-v2",
		dataset: { upload: dataset.id },
		text_column: "title",
		training: { max_steps: 4 },
	});
	const events = await collect(client.jobs.watch(id));
	expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1));
	expect(events.at(-1)).toMatchObject({ job_id: id, type: "state", to: "succeeded" });
	expect(events.filter((event) => event.type === "progress").map((event) => event.step)).toEqual([1, 2, 3, 4]);

	expect(await client.jobs.wait(id)).toMatchObject({ state: "succeeded", progress: { step: 4, total_steps: 4 } });
	expect(await client.jobs.report(id)).toMatchObject({ verdict: "unverified" });
	expect((await client.jobs.artifacts(id)).map(({ path }) => path)).toContain("1_Pooling/config.json");
	expect(Buffer.from(await client.jobs.artifact(id, "1_Pooling/config.json")).toString()).toBe("{}");
});

test("events over gRPC are the ones that REST streams", async () => {
	const service = await startService();
	const client = clientOf(service);
	const { id } = await client.jobs.create(job());
	const overGrpc = await collect(client.jobs.watch(id));
	const overRest = (await collect(service.events(id))).map(({ data }) => data);
	expect(overGrpc).toEqual(overRest);
});

test("through a connection that breaks again and again every event comes, once", async () => {
	const service = await startService();
	const proxy = await cuttingProxy(Number(service.grpcAddress.split(":")[1]), 2000, 5);
	onTestFinished(() => proxy.close());
	const client = clientOf({ ...service, grpcAddress: `127.0.0.1:${proxy.port}` });
	const { id } = await client.jobs.create(job({ training: { max_steps: 150 } }));
	let lost = 0;
	const events = await collect(client.jobs.watch(id, { onReconnect: () => lost++ }));
	expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1));
	expect(events.filter(({ type }) => type === "progress")).toHaveLength(150);
	expect(events.at(-1)).toMatchObject({ type: "state", to: "succeeded" });
	expect(proxy.cuts).toBe(5);
	expect(lost).toBeGreaterThanOrEqual(5);
});

test("a watcher stays with its job while the service is stopped and started again", async () => {
	const folder = scratchFolder();
	const first = await launchService(folder);
	const [rest, grpc] = [new URL(first.url).port, first.grpcAddress.split(":")[1]!];
	const client = clientOf(first);
	const { id } = await client.jobs.create(job({ training: { max_steps: 40 } }));
	const seen: JobEventJson[] = [];
	let second: Promise<unknown> | undefined;
	for await (const event of client.jobs.watch(id)) {
		seen.push(event);
		if (event.type === "progress" && event.step === 10)
			second ??= first.stop().then(() => startService(folder, { DAK_TRAIN_PORT: rest, DAK_TRAIN_GRPC_PORT: grpc }));
	}
	await second;
	expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, i) => i + 1));
	expect(seen.flatMap((event) => (event.type === "state" ? [event.to] : []))).toEqual(expect.arrayContaining(["interrupted", "succeeded"]));
});

test("asking for what comes after a job's end ends at once", async () => {
	const client = clientOf(await startService());
	const { id } = await client.jobs.create(job({ training: { max_steps: 1 } }));
	const { length } = await collect(client.jobs.watch(id));
	expect(await collect(client.jobs.watch(id, { fromSequence: length }))).toHaveLength(1);
	expect(await collect(client.jobs.watch(id, { fromSequence: length + 1 }))).toEqual([]);
});

test("a watcher that finds nobody gives up after the time it was given, and one that is stopped stops", async () => {
	const service = await startService();
	const nobody = clientOf({ ...service, grpcAddress: "127.0.0.1:1" }, { maxOutageMs: 300 });
	await expect(collect(nobody.jobs.watch("job_00000000000000000000"))).rejects.toMatchObject({ reason: "UNREACHABLE" });

	const client = clientOf(service);
	const { id } = await client.jobs.create(job({ training: { max_steps: 10_000 } }));
	const stop = new AbortController();
	const watching = (async () => {
		for await (const event of client.jobs.watch(id, { signal: stop.signal }))
			if (event.type === "progress") stop.abort(new Error("enough"));
	})();
	await expect(watching).rejects.toThrow("enough");
	expect((await client.jobs.cancel(id)).id).toBe(id);
	expect(await client.jobs.wait(id)).toMatchObject({ state: "cancelled" });
});

test("what the service refuses is told with its reason and fields, over both protocols", async () => {
	const client = clientOf(await startService());
	const wrong = client.jobs.create(job({ lora: { r: 0 }, training: { batch_size: 1 } }));
	await expect(wrong).rejects.toBeInstanceOf(DakApiError);
	await expect(wrong).rejects.toMatchObject({
		status: 422,
		reason: "INVALID_REQUEST",
		type: "/problems/invalid-request",
		errors: [{ pointer: "/lora/r" }, { pointer: "/training/batch_size" }],
	});
	const missing = { status: 404, reason: "JOB_NOT_FOUND" };
	await expect(client.jobs.get("job_00000000000000000000")).rejects.toMatchObject(missing);
	await expect(collect(client.jobs.watch("job_00000000000000000000"))).rejects.toMatchObject(missing);
	await expect(client.grpc.train.getJob({ id: "job_00000000000000000000" })).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
});

test("jobs are listed over all pages, newest first", async () => {
	const client = clientOf(await startService());
	const ids: string[] = [];
	for (let i = 0; i < 5; i++) ids.push((await client.jobs.create(job({ training: { max_steps: 1 } }))).id);
	expect((await collect(client.jobs.list({ pageSize: 2 }))).map(({ id }) => id)).toEqual(ids.reverse());
});

test("an API key is sent over both protocols", async () => {
	const service = await startService(scratchFolder(), { DAK_API_KEYS: "submit:s3cret" });
	const client = clientOf(service, { apiKey: "s3cret" });
	const { id } = await client.jobs.create(job({ training: { max_steps: 1 } }));
	expect((await collect(client.jobs.watch(id))).at(-1)).toMatchObject({ to: "succeeded" });
	const stranger = clientOf(service);
	await expect(stranger.jobs.get(id)).rejects.toMatchObject({ status: 401, reason: "UNAUTHENTICATED" });
	await expect(collect(stranger.jobs.watch(id))).rejects.toMatchObject({ status: 401, reason: "UNAUTHENTICATED" });
});
