/** A backup that is made while the service works, and a service that goes on from it elsewhere. */
import { appendFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backup, restore } from "../../services/cli/backup/backup.js";
import { collect, jobWith, launchService, type TestService } from "../../services/train-service/testing/index.js";

let folder: string;
const running: TestService[] = [];
const launch = async (dataDir: string): Promise<TestService> => {
	const service = await launchService(dataDir, { DAK_THREADS: "1" });
	running.push(service);
	return service;
};

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-backup-"));
});
afterEach(async () => {
	for (const service of running.splice(0)) await service.stop().catch(() => {});
	rmSync(folder, { recursive: true, force: true });
});

const placesIn = (dataDir: string) => ({ dataDir, artifactsDir: join(dataDir, "artifacts") });

test("jobs, their events and their files are there after a restore, and what had not ended goes on", async () => {
	const service = await launch(join(folder, "here"));
	const done = await service.create(jobWith({ adapter_name: "done" }));
	const events = await collect(service.events(done.id));
	const report = await (await fetch(`${service.url}/v1/jobs/${done.id}/report`)).json();
	const waiting = await service.create(jobWith({ adapter_name: "waiting", training: { max_steps: 2000, batch_size: 2 } }));

	const places = placesIn(join(folder, "here"));
	const made = backup(join(folder, "backup"), places);
	expect(made).toMatchObject({ jobs: 2 });
	expect(existsSync(join(folder, "backup.partial"))).toBe(false);
	expect(() => backup(join(folder, "backup"), places)).toThrow(/not there yet/);
	await service.stop();
	running.length = 0;

	const there = placesIn(join(folder, "there"));
	expect(restore(join(folder, "backup"), there)).toMatchObject({ jobs: 2, files: made.files });
	expect(() => restore(join(folder, "backup"), there)).toThrow(/without one/);
	const next = await launch(there.dataDir);
	expect(await collect(next.events(done.id))).toEqual(events);
	expect(await (await fetch(`${next.url}/v1/jobs/${done.id}/report`)).json()).toEqual(report);
	expect(existsSync(join(there.artifactsDir, (await next.get(done.id)).adapter_path!))).toBe(true);
	const taken = await next.until(waiting.id, "queued", "preparing", "training", "succeeded");
	expect(taken.state).not.toBe("failed");
});

test("a backup that was changed is refused, and nothing of it is written", async () => {
	const service = await launch(join(folder, "here"));
	const { id } = await service.create(jobWith({ adapter_name: "done" }));
	await service.until(id, "succeeded");
	backup(join(folder, "backup"), placesIn(join(folder, "here")));
	appendFileSync(join(folder, "backup", "jobs.db"), "x");
	expect(() => restore(join(folder, "backup"), placesIn(join(folder, "there")))).toThrow(/jobs\.db: found/);
	expect(existsSync(join(folder, "there"))).toBe(false);
	expect(() => restore(join(folder, "nowhere"), placesIn(join(folder, "there")))).toThrow(/dak backup made/);
});
