/**
 * A data folder on a disk that becomes full: the service lives and says so, what it acknowledged stays, what it could not finish is
 * not seen, and with room again a job ends in the adapter of an undisturbed run, byte for byte.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { entryPoint } from "@dak/shared/runtime";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { LibsqlJobStore } from "../../services/train-service/jobs/index.js";
import { collect, type JobJson, jobWith, scratchFolder, startService } from "../../services/train-service/testing/index.js";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";
import { type SpawnedService, spawnService } from "../../services/train-service/testing/spawn-service.js";
import { trainingPidOf } from "../../services/train-service/testing/training-pid.js";

const SERVICE = entryPoint(new URL("../../services/train-service/index.ts", import.meta.url).href, "main");
// On machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const STEPS = 600;
const DISK_MB = 16;

/** A file system of its own for one process, that goes with it. */
const onSmallDisk = (folder: string) => [
	...["unshare", "--map-root-user", "--mount", "sh", "-c"],
	...[`mount -t tmpfs -o size=${DISK_MB}m none "$0" && exec "$@"`, folder],
];

const mountable = (() => {
	try {
		execFileSync("unshare", ["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/tmp"], { stdio: "ignore" });
		return true;
	} catch {
		console.error("full disk: its tests are skipped, this user may not mount a small disk (unshare --map-root-user --mount)");
		return false;
	}
})();

/** A service whose data folder is such a disk, seen from outside. */
class SmallDisk {
	private constructor(
		readonly service: SpawnedService,
		readonly root: string,
	) {}

	static async start(): Promise<SmallDisk> {
		const folder = scratchFolder();
		const disk = join(folder, "disk");
		mkdirSync(disk);
		writeSmallBase(join(folder, "models", "small"));
		// A full disk is an error in its log, and here no news.
		const environment = { DAK_MODELS_DIR: join(folder, "models"), DAK_THREADS: "1", DAK_LOG_LEVEL: "silent" };
		const service = await spawnService(SERVICE, disk, environment, onSmallDisk(disk));
		return new SmallDisk(service, join("/proc", String(service.process.pid), "root", disk));
	}

	/** To the last byte; what a writer gives back that fails over it is taken as well. */
	async fill(): Promise<void> {
		for (let round = 0; round < 10; round++) {
			const descriptor = openSync(join(this.root, "ballast"), "a");
			try {
				for (const size of [1 << 16, 1 << 10, 1]) writeAll(descriptor, Buffer.alloc(size));
			} finally {
				closeSync(descriptor);
			}
			await sleep(20);
		}
	}

	free(): void {
		rmSync(join(this.root, "ballast"));
	}

	sha256({ adapter_path = "" }: JobJson): string {
		const file = join(this.root, "artifacts", adapter_path, "adapter_model.safetensors");
		return createHash("sha256").update(readFileSync(file)).digest("hex");
	}

	/** Files and folders that somebody began to write and did not finish. */
	halfWritten(): string[] {
		const folders = ["work", "artifacts/.staging", "datasets", "reports", "checkpoints"];
		return folders.flatMap((name) => {
			const folder = join(this.root, name);
			const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
			const temporary = (path: string) => /(^|\/)\.|\.partial$/.test(path);
			return name === "work" || name === "artifacts/.staging" ? entries : entries.filter(temporary);
		});
	}
}

function writeAll(descriptor: number, block: Buffer): void {
	try {
		for (;;) writeSync(descriptor, block);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
	}
}

async function upload({ client }: SpawnedService): Promise<string> {
	const response = await fetch(`${client.url}/v1/datasets?filename=texts.txt`, {
		method: "POST",
		headers: { "content-type": "text/plain" },
		body: SMALL_TEXTS.join("\n"),
	});
	return ((await response.json()) as { id: string }).id;
}

const jobOf = (dataset: object, steps = STEPS) => ({
	base_model: "small",
	dataset,
	max_length: 16,
	lora: { r: 4 },
	training: { max_steps: steps, batch_size: 4, learning_rate: 1e-2 },
	checkpoint: { every_steps: 5 },
	publish: "always",
});

function trainingOf({ process: service }: SpawnedService): number | undefined {
	try {
		return trainingPidOf(service.pid!);
	} catch {
		return undefined;
	}
}

const refusal = async (response: Response) => ({ status: response.status, body: (await response.json()) as Record<string, unknown> });
const NO_ROOM = { status: 507, body: { reason: "STORAGE_FAILED", detail: expect.stringMatching(/^no space is left/) } };

async function jobsOf({ client }: SpawnedService): Promise<string[]> {
	const { jobs } = (await (await fetch(`${client.url}/v1/jobs`)).json()) as { jobs: JobJson[] };
	return jobs.map(({ id }) => id);
}

describe.skipIf(!mountable)("a disk that becomes full", () => {
	test("while a job trains: it goes on, nothing that it tells is lost, and what cannot be kept is refused", async () => {
		const disk = await SmallDisk.start();
		const { service } = disk;
		const { client } = service;
		const dataset = { upload: await upload(service) };
		// The first job: the store's log file, once it has grown, has room of its own.
		const { id } = await client.create(jobOf(dataset));
		for await (const { data } of client.events(id)) if ((data.step as number) >= 20) break;
		const training = trainingPidOf(service.process.pid!);
		await disk.fill();
		// It has tried to keep checkpoints by now; it must not come to its end before there is room.
		process.kill(training, "SIGSTOP");
		await disk.fill();
		const known = await jobsOf(service);
		const key = { "idempotency-key": "again" };
		expect(await refusal(await client.submit(jobOf(dataset), key))).toMatchObject(NO_ROOM);
		expect(await refusal(await client.submit(jobOf({ texts: SMALL_TEXTS })))).toMatchObject(NO_ROOM);
		expect((await fetch(`${client.url}/healthz`)).status).toBe(200);
		expect(await jobsOf(service)).toEqual(known);
		const { state, progress } = await client.get(id);
		expect(state).toBe("training");
		expect(progress!.step).toBeLessThan(STEPS);
		disk.free();
		process.kill(training, "SIGCONT");

		const done = await client.until(id, "succeeded", "failed");
		expect(done, JSON.stringify(done.error)).toMatchObject({ state: "succeeded", restarts: 0 });
		const events = await collect(client.events(id));
		expect(events.map((event) => event.id)).toEqual(events.map((_, i) => i + 1));
		const steps = events.flatMap(({ event, data }) => (event === "progress" ? [data.step] : []));
		expect(steps).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
		const said = events.flatMap(({ event, data }) => (event === "log" ? [String(data.message)] : []));
		const lost = said.filter((line) => /^the checkpoint at step \d+ could not be written/.test(line));
		expect(lost.length).toBeGreaterThan(0);
		for (const line of lost) expect(line).toMatch(/\(no space is left on the disk\); training goes on$/);
		// Where there is room, what was refused is taken, and undisturbed it comes out the same.
		const later = await client.create(jobOf(dataset), key);
		expect(disk.sha256(await client.until(later.id, "succeeded", "failed"))).toBe(disk.sha256(done));
		await expect.poll(() => disk.halfWritten()).toEqual([]);
		expect(service.process.exitCode).toBeNull();
		console.info(JSON.stringify({ steps: STEPS, checkpoints_not_written: lost.length, requests_refused: 2, events_lost: 0 }));
	});

	test("while an adapter is written: the job fails with its reason, nothing of it is seen, and resumed it comes out the same", async () => {
		const disk = await SmallDisk.start();
		const { service } = disk;
		const { client } = service;
		const dataset = { upload: await upload(service) };
		const job = jobOf(dataset, 100);
		const whole = await client.until((await client.create(job)).id, "succeeded", "failed");
		const adapters = () => readdirSync(join(disk.root, "artifacts", "adapters"));
		expect(adapters()).toHaveLength(1);

		const { id } = await client.create(job);
		for await (const { data } of client.events(id)) if ((data.step as number) >= 50) break;
		// It must not have written its adapter before the disk is full.
		const training = trainingPidOf(service.process.pid!);
		process.kill(training, "SIGSTOP");
		await disk.fill();
		process.kill(training, "SIGCONT");
		await expect.poll(() => trainingOf(service), { timeout: 30_000 }).toBeUndefined();
		expect((await fetch(`${client.url}/healthz`)).status).toBe(200);
		expect(adapters()).toHaveLength(1);
		// Why it failed is told as soon as it can be written down.
		disk.free();
		const failed = await client.until(id, "failed", "succeeded");
		expect(failed).toMatchObject({ state: "failed", error: { reason: "STORAGE_FAILED", message: "no space is left on the disk" } });
		expect(adapters()).toHaveLength(1);
		await expect.poll(() => disk.halfWritten()).toEqual([]);

		expect((await fetch(`${client.url}/v1/jobs/${id}:resume`, { method: "POST" })).status).toBe(202);
		const done = await client.until(id, "succeeded", "failed");
		expect(done, JSON.stringify(done.error)).toMatchObject({ state: "succeeded", restarts: 1 });
		expect(disk.sha256(done)).toBe(disk.sha256(whole));
		await expect.poll(() => disk.halfWritten()).toEqual([]);
	});

	test("a service that is told to end while its store waits for room ends in good order", async () => {
		const disk = await SmallDisk.start();
		const { service } = disk;
		const { client } = service;
		const dataset = { upload: await upload(service) };
		const { id } = await client.create(jobOf(dataset, 10 * STEPS));
		for await (const { data } of client.events(id)) if ((data.step as number) >= 20) break;
		await disk.fill();
		expect(await refusal(await client.submit(jobOf(dataset)))).toMatchObject(NO_ROOM);
		const told = performance.now();
		service.process.kill("SIGTERM");
		expect(await service.ended).toBe(0);
		expect(performance.now() - told).toBeLessThan(10_000);
	});
});

test("texts that were kept and cannot be written down leave nothing", async () => {
	const service = await startService();
	const full = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
	const writing = vi.spyOn(LibsqlJobStore.prototype, "saveDataset").mockRejectedValue(full);
	onTestFinished(() => writing.mockRestore());
	const uploaded = await fetch(`${service.url}/v1/datasets?filename=texts.txt`, {
		method: "POST",
		headers: { "content-type": "text/plain" },
		body: SMALL_TEXTS.join("\n"),
	});
	for (const response of [uploaded, await service.submit(jobWith())]) expect(await refusal(response)).toMatchObject(NO_ROOM);
	expect(readdirSync(join(service.config.dataDir, "datasets"))).toEqual([]);
});
