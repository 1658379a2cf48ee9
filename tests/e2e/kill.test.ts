/** kill -9 of the whole service in mid-job, on the real base model with two threads: the adapter comes out byte for byte the same. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { entryPoint } from "@dak/shared/runtime";
import { expect, test } from "vitest";
import { collect, jobWith, scratchFolder } from "../../services/train-service/testing/index.js";
import { SMALL_TEXTS } from "../../services/train-service/testing/small-base.js";
import { type SpawnedService, spawnService } from "../../services/train-service/testing/spawn-service.js";
import { trainingPidOf } from "../../services/train-service/testing/training-pid.js";

const SERVICE = entryPoint(new URL("../../services/train-service/index.ts", import.meta.url).href, "main");
const STEPS = 12;
const JOB = jobWith({
	dataset: { texts: SMALL_TEXTS },
	max_length: 16,
	training: { max_steps: STEPS, batch_size: 8, learning_rate: 1e-3 },
	checkpoint: { every_steps: 4 },
	publish: "always",
});

const start = (folder: string) => spawnService(SERVICE, folder, { DAK_THREADS: "2" });

/** Kills the service as soon as an event of the job is of a kind; its training process ends by itself. */
async function killAt({ process: service, client, ended }: SpawnedService, id: string, moment: (data: Record<string, unknown>) => boolean) {
	for await (const { data } of client.events(id)) if (moment(data)) break;
	const training = trainingPidOf(service.pid!);
	service.kill("SIGKILL");
	await ended;
	await expect.poll(() => isAlive(training), { timeout: 10_000 }).toBe(false);
}

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

test("a service that is killed in training and again in evaluation brings the job to the same adapter", async () => {
	const folder = scratchFolder();
	let service = await start(folder);
	const { id } = await service.client.create(JOB);
	await killAt(service, id, ({ step }) => step === 6);
	service = await start(folder);
	await killAt(service, id, ({ to }) => to === "evaluating");
	service = await start(folder);
	const interrupted = await service.client.until(id, "succeeded", "failed");
	expect(interrupted, JSON.stringify(interrupted.error)).toMatchObject({ state: "succeeded", restarts: 2 });
	const events = await collect(service.client.events(id));
	expect(events.map((event) => event.id)).toEqual(events.map((_, i) => i + 1));
	expect(events.flatMap(({ data, event }) => (event === "progress" ? [data.step] : []))).toEqual(
		Array.from({ length: STEPS }, (_, i) => i + 1),
	);

	const whole = await service.client.until((await service.client.create(JOB)).id, "succeeded", "failed");
	const [a, b] = [interrupted, whole].map(({ adapter_path }) =>
		createHash("sha256")
			.update(readFileSync(join(folder, "artifacts", adapter_path!, "adapter_model.safetensors")))
			.digest("hex"),
	);
	expect(a).toBe(b);
}, 180_000);
