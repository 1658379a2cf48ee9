import { join } from "node:path";
import { createLogger, createTrainMetrics } from "@dak/shared/observability";
import { expect, test } from "vitest";
import { EmbeddedQueue, EventHub, JobService, LibsqlJobStore, LocalBus } from "../jobs/index.js";
import { jobWith, scratchFolder } from "../testing/index.js";
import type { ProgressMessage } from "../training/index.js";
import { MessageTaker } from "./messages.js";

async function jobOf() {
	const store = new LibsqlJobStore(join(scratchFolder(), "jobs.db"));
	const queue = new EmbeddedQueue();
	const bus = new LocalBus();
	const jobs = new JobService({
		store,
		queue,
		bus,
		events: new EventHub(store, bus),
		admit: async (settings) => ({ settings }),
		maxQueued: 3,
		onState: () => {},
	});
	const { id } = await jobs.create(jobWith());
	const context = { jobs, metrics: createTrainMetrics(), logger: createLogger("test", "silent") };
	/** As after another start of the job's process. */
	const taker = async () => new MessageTaker({ ...(await jobs.get(id)), attempt: 0 }, context);
	const told = async () => (await store.events(id, 1, 100)).flatMap(({ body }) => (body.kind === "progress" ? [body.progress.step] : []));
	const counted = async () => (await context.metrics.steps.get()).values[0]!.value;
	return { id, store, taker, told, counted };
}

const step = (step: number, backoffs = 0): ProgressMessage => ({
	type: "progress",
	step,
	totalSteps: 10,
	epoch: 0,
	loss: 1,
	learningRate: 1,
	gradNorm: 1,
	stepSeconds: 1,
	tokens: 1,
	sentences: 1,
	tokensPerSecond: 1,
	sentencesPerSecond: 1,
	memoryBytes: 1,
	peakMemoryBytes: 1,
	deviceMemoryBytes: 0,
	etaSeconds: 1,
	backoffs,
});

test("steps that are done again after an interruption are told and counted once; those after a back-off are others", async () => {
	const { taker, told, counted } = await jobOf();
	const runs = [
		[step(1), step(2), step(3)],
		[step(2), step(3), step(4), step(2, 1), step(3, 1)],
		[step(1), step(2), step(3), step(4), step(2, 1), step(3, 1), step(4, 1)],
	];
	for (const run of runs) {
		const messages = await taker();
		for (const message of run) await messages.take(message);
	}
	expect(await told()).toEqual([1, 2, 3, 4, 2, 3, 4]);
	expect(await counted()).toBe(7);
});

test("a checkpoint's step that a killed process did not tell is told by the next one, and is no step of its own", async () => {
	const { id, store, taker, told, counted } = await jobOf();
	const first = await taker();
	await first.take(step(1));
	const resumed = { type: "resumed", step: 5, totalSteps: 10, epoch: 0.5, loss: 2, backoffs: 0 } as const;
	for (let start = 0; start < 2; start++) await (await taker()).take(resumed);
	expect(await told()).toEqual([1, 5]);
	expect(await counted()).toBe(1);
	expect((await store.get(id)).progress).toMatchObject({ step: 5, epoch: 0.5, loss: 2, tokensPerSecond: 1 });
	await (await taker()).take(step(6));
	expect(await told()).toEqual([1, 5, 6]);
});

test("crashes of the service are forgotten once the job has made headway", async () => {
	const { id, store, taker } = await jobOf();
	await store.append(id, { kind: "log", level: "info", message: "crashed" }, { crashes: 3 });
	const messages = await taker();
	await messages.take(step(1));
	expect((await store.get(id)).crashes).toBe(3);
	await messages.take({ type: "checkpoint", step: 1, bytes: 1, milliseconds: 1 });
	await messages.take(step(2));
	expect((await store.get(id)).crashes).toBe(0);
});
