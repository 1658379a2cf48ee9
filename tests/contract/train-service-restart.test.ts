/** The service's end in mid-job, orderly and by kill -9: the job goes on at the next start, and a watcher misses nothing. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { entryPoint } from "@dak/shared/runtime";
import { expect, onTestFinished, test } from "vitest";
import { jobWith, scratchFolder, startService } from "../../services/train-service/testing/index.js";
import { spawnService } from "../../services/train-service/testing/spawn-service.js";

const SERVICE = entryPoint(new URL("../../services/train-service/testing/index.ts", import.meta.url).href, "service-process");

const start = (dataDir: string) => spawnService(SERVICE, dataDir);

test("a job that was running when the service was killed goes on to its end, and a watcher that comes back misses nothing", async () => {
	const folder = scratchFolder();
	const first = await start(folder);
	expect(first.ready.service).toBe("train-service");
	const { id } = await first.client.create(jobWith({ training: { max_steps: 100 } }));
	const waiting = await first.client.create(jobWith());
	const seen: number[] = [];
	for await (const event of first.client.events(id)) {
		seen.push(event.id);
		if (event.data.step === 10) break;
	}
	first.process.kill("SIGKILL");
	await first.ended;
	expect(readdirSync(join(folder, "work"))).toEqual([id]);
	mkdirSync(join(folder, "datasets", ".ds_cut_off"));

	const second = await start(folder);
	for await (const event of second.client.events(id, seen.at(-1))) seen.push(event.id);
	expect(seen).toEqual(seen.map((_, i) => i + 1));
	const job = await second.client.get(id);
	expect(job).toMatchObject({ state: "succeeded", restarts: 1 });
	expect(await second.client.until(waiting.id, "succeeded")).toMatchObject({ restarts: 0 });
	expect(existsSync(join(folder, "work", id))).toBe(false);
	expect(readdirSync(join(folder, "artifacts", ".staging"))).toEqual([]);
	expect(readdirSync(join(folder, "datasets")).filter((name) => name.startsWith("."))).toEqual([]);
	second.process.kill("SIGTERM");
	expect(await second.ended).toBe(0);
});

test("a service that is told to end in mid-job ends soon and cleanly, and its job goes on later", async () => {
	const folder = scratchFolder();
	const first = await start(folder);
	const { id } = await first.client.create(jobWith({ training: { max_steps: 2000 } }));
	await first.client.until(id, "training");
	const events = first.client.events(id);
	await events.next();
	const told = performance.now();
	first.process.kill("SIGTERM");
	for await (const _ of events);
	expect(await first.ended).toBe(0);
	expect(performance.now() - told).toBeLessThan(5000);

	const second = await startService(folder);
	expect(await second.until(id, "training")).toMatchObject({ restarts: 1 });
	await second.cancel(id);
	await second.until(id, "cancelled");
});

test("a job that was cancelled just before the service ended does not come back", async () => {
	const folder = scratchFolder();
	const first = await startService(folder);
	const { id } = await first.create(jobWith({ adapter_name: "deaf", training: { max_steps: 5000 } }));
	await first.until(id, "training");
	await first.cancel(id);
	await first.stop();
	expect(await (await startService(folder)).get(id)).toMatchObject({ state: "cancelled", restarts: 0 });
});

test("a second service on the same folder is refused, and harms nothing of the first", async () => {
	const first = await startService();
	const { id } = await first.create(jobWith({ training: { max_steps: 2000 } }));
	await first.until(id, "training");
	await expect(startService(first.config.dataDir)).rejects.toMatchObject({
		reason: "UNAVAILABLE",
		message: expect.stringContaining("in use"),
	});
	expect((await first.get(id)).state).toBe("training");
});

/** A port that is taken until it is let go. */
async function takePort() {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const release = () => new Promise<void>((resolve) => server.close(() => resolve()));
	onTestFinished(release);
	return { port: String((server.address() as AddressInfo).port), release };
}

test("a service whose port is taken says so, and its folder and other port are free again", async () => {
	const [taken, free] = [await takePort(), await takePort()];
	await free.release();
	const folder = scratchFolder();
	const ports = { DAK_TRAIN_PORT: free.port, DAK_TRAIN_GRPC_PORT: taken.port };
	await expect(startService(folder, ports)).rejects.toMatchObject({
		reason: "UNAVAILABLE",
		message: expect.stringContaining(taken.port),
	});
	await taken.release();
	expect((await (await startService(folder, ports)).create(jobWith())).id).toBeDefined();
});

test("a file with what was a job's progress survives a torn write-ahead log", async () => {
	const folder = scratchFolder();
	const first = await startService(folder);
	const { id } = await first.create(jobWith());
	await first.until(id, "succeeded");
	await first.stop();
	const wal = join(folder, "jobs.db-wal");
	writeFileSync(wal, Buffer.concat([existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0), Buffer.from("torn")]));
	expect((await (await startService(folder)).get(id)).state).toBe("succeeded");
});
