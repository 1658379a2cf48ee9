import { DakError } from "@dak/shared/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunnerAdapter, RunnerInput } from "../engine/index.js";
import { Scheduler, type SchedulerEvents, type SchedulerLimits } from "./index.js";

const LIMITS: SchedulerLimits = { maxBatchTokens: 64, maxBatchTexts: 16, maxQueueTexts: 1000, maxQueueTokens: 100_000, maxQueueMs: 1e9 };
/** A text with this first id cannot be run. */
const BAD = 666;

/** What a text's vector is, whoever its batch mates are. */
const vectorOf = (ids: Int32Array) => [ids.reduce((sum, id) => sum + id, 0), ids.length];

/** A runner that keeps its batches; `gate` holds each batch until it is opened. */
class RecordingRunner {
	readonly dimension = 2;
	lanes = 1;
	readonly batches: RunnerInput[][] = [];
	gate: Promise<void> | undefined;

	async embed(batch: readonly RunnerInput[]): Promise<Float32Array> {
		this.batches.push([...batch]);
		await (this.gate ?? new Promise<void>((resolve) => setImmediate(resolve)));
		if (batch.some(({ ids }) => ids[0] === BAD)) throw new DakError("RUNTIME_FAILED", "bad text");
		return Float32Array.from(batch.flatMap(({ ids }) => vectorOf(ids)));
	}
}

function setUp(limits: Partial<SchedulerLimits> = {}, events: SchedulerEvents = {}) {
	const runner = new RecordingRunner();
	return { runner, scheduler: new Scheduler(runner, { ...LIMITS, ...limits }, events) };
}

const text = (tokens: number, id = 1): RunnerInput => ({ ids: new Int32Array(tokens).fill(id), adapter: undefined });
const adapter = (): RunnerAdapter => ({ residentBytes: 1, dispose() {} });
const reasonOf = (promise: Promise<unknown>) =>
	promise.then(
		() => "answered",
		(error: DakError) => error.reason,
	);
/** A gate and the key to it. */
function gate(): { readonly shut: Promise<void>; open(): void } {
	let open!: () => void;
	const shut = new Promise<void>((resolve) => {
		open = resolve;
	});
	return { shut, open: () => open() };
}
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

describe("the scheduler", () => {
	const texts = fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 500 })), { minLength: 1, maxLength: 20 });
	const requests = fc.array(fc.record({ texts, flow: fc.constantFrom("", "a", "b") }), { minLength: 1, maxLength: 15 });

	it("answers each request once, in its own order, as if it were alone, within the budget", async () => {
		await fc.assert(
			fc.asyncProperty(
				requests,
				fc.integer({ min: 1, max: 200 }),
				fc.integer({ min: 1, max: 20 }),
				async (all, maxBatchTokens, maxBatchTexts) => {
					const { runner, scheduler } = setUp({ maxBatchTokens, maxBatchTexts });
					const answers = await Promise.all(
						all.map(async ({ texts, flow }) => {
							const inputs = texts.map(([tokens, id]) => text(tokens, id));
							const { vectors } = await scheduler.submit(inputs, { flow: { client: "", adapter: flow } });
							return { inputs, vectors };
						}),
					);
					for (const { inputs, vectors } of answers) expect(vectors.map((v) => [...v])).toEqual(inputs.map(({ ids }) => vectorOf(ids)));
					for (const batch of runner.batches) {
						const tokens = batch.reduce((sum, { ids }) => sum + ids.length, 0);
						expect(batch.length).toBeLessThanOrEqual(maxBatchTexts);
						expect(tokens <= maxBatchTokens || batch.length === 1).toBe(true);
					}
					const run = runner.batches.reduce((sum, batch) => sum + batch.length, 0);
					expect(run).toBe(all.reduce((sum, { texts }) => sum + texts.length, 0));
				},
			),
			{ numRuns: 60 },
		);
	});

	it("puts texts of different adapters into one batch", async () => {
		const { runner, scheduler } = setUp();
		const [a, b] = [adapter(), adapter()];
		await Promise.all([a, b, undefined].map((one) => scheduler.submit([{ ...text(4), adapter: one }])));
		expect(runner.batches.map((batch) => batch.map((input) => input.adapter))).toEqual([[a, b, undefined]]);
	});

	it("does not mix long and short texts, and lets neither wait for all of the other", async () => {
		const { runner, scheduler } = setUp({ maxBatchTokens: 400 });
		const lengths = [200, 4, 200, 4, 200, 4];
		await Promise.all(lengths.map((tokens) => scheduler.submit([text(tokens)])));
		expect(runner.batches.map((batch) => batch.map(({ ids }) => ids.length))).toEqual([[200, 200], [4, 4, 4], [200]]);
	});

	it("gives a small request its turn while another flow has hundreds of texts waiting", async () => {
		const { runner, scheduler } = setUp({ maxBatchTexts: 4 });
		const big = scheduler.submit(
			Array.from({ length: 200 }, () => text(16, 1)),
			{ flow: { client: "", adapter: "big" } },
		);
		const small = scheduler.submit([text(16, 2)], { flow: { client: "", adapter: "small" } });
		await small;
		expect(runner.batches.length).toBeLessThanOrEqual(2);
		await big;
	});

	it("runs as many batches at a time as there are lanes, an adapter's texts in one of them", async () => {
		const { runner, scheduler } = setUp();
		runner.lanes = 2;
		const { shut, open } = gate();
		runner.gate = shut;
		const [a, b] = [adapter(), adapter()];
		const answers = Promise.all([a, b, a, b, a, b].map((one) => scheduler.submit([{ ...text(4), adapter: one }])));
		await turn();
		expect(runner.batches.map((batch) => batch.map((input) => input.adapter))).toEqual([
			[a, a, a],
			[b, b, b],
		]);
		open();
		await answers;
	});

	it("shares the machine evenly between clients, however many adapters one of them uses", async () => {
		const { runner, scheduler } = setUp({ maxBatchTexts: 1 });
		const ask = (client: string, one: string, id: number) => scheduler.submit([text(8, id)], { flow: { client, adapter: one } });
		const all: Promise<unknown>[] = [];
		for (let i = 0; i < 40; i++) all.push(ask("greedy", `adapter-${i % 10}`, 1));
		for (let i = 0; i < 10; i++) all.push(ask("modest", "", 2));
		await Promise.all(all);
		const turns = runner.batches.map(([input]) => input!.ids[0]);
		// Ten modest texts are done after about twenty turns; by adapters alone it would be after all fifty.
		expect(turns.lastIndexOf(2)).toBeLessThan(30);
	});

	it("refuses a flow whose own texts wait too long, while others are admitted", async () => {
		const { runner, scheduler } = setUp({ maxQueueMs: 1, maxBatchTexts: 4 });
		await scheduler.submit([text(4)]);
		const { shut, open } = gate();
		runner.gate = shut;
		const flood = Array.from({ length: 500 }, () => text(16));
		const noisy = { client: "", adapter: "noisy" };
		const first = scheduler.submit(flood, { flow: noisy });
		const refused = await scheduler.submit(flood, { flow: noisy }).catch((e: DakError) => e);
		expect(refused).toMatchObject({ reason: "OVERLOADED" });
		const quiet = ["other adapter", ""].map((one) => reasonOf(scheduler.submit([text(4)], { flow: { client: "", adapter: one } })));
		const stranger = reasonOf(scheduler.submit([text(4)], { flow: { client: "stranger", adapter: "noisy" } }));
		open();
		expect(await Promise.all([...quiet, stranger])).toEqual(["answered", "answered", "answered"]);
		await first;
	});

	it("refuses what would pass its bounds, and says when to come back", async () => {
		const { scheduler } = setUp({ maxQueueTexts: 3 });
		const first = scheduler.submit([text(4), text(4)]);
		const error = await scheduler.submit([text(4), text(4)]).catch((e: DakError) => e);
		expect(error).toMatchObject({ reason: "OVERLOADED" });
		expect((error as DakError).retryAfterMs).toBeGreaterThan(0);
		await first;
		expect(await reasonOf(scheduler.submit([text(4), text(4)]))).toBe("answered");
	});

	it("says for good that a request is too large where no queue could hold it", async () => {
		const { scheduler } = setUp({ maxQueueTokens: 100 });
		expect(await reasonOf(scheduler.submit([text(101)]))).toBe("PAYLOAD_TOO_LARGE");
	});

	it("drops the texts of a cancelled request without running them", async () => {
		const { runner, scheduler } = setUp();
		const { shut, open } = gate();
		runner.gate = shut;
		const running = scheduler.submit([text(4, 1)]);
		await turn();
		const controller = new AbortController();
		const waiting = scheduler.submit([text(4, 2)], { signal: controller.signal });
		controller.abort();
		expect(await reasonOf(waiting)).toBe("CANCELLED");
		expect(scheduler.queuedTexts).toBe(0);
		open();
		await running;
		await turn();
		expect(runner.batches.length).toBe(1);
	});

	it("answers with the abort's own reason", async () => {
		const { scheduler } = setUp();
		const controller = new AbortController();
		const waiting = scheduler.submit([text(4)], { signal: controller.signal });
		controller.abort(new DakError("DEADLINE_EXCEEDED", "too late"));
		expect(await reasonOf(waiting)).toBe("DEADLINE_EXCEEDED");
	});

	it("fails the request of a bad text only", async () => {
		const { scheduler } = setUp();
		const outcomes = await Promise.all([text(3), text(3, BAD), text(3)].map((input) => reasonOf(scheduler.submit([input]))));
		expect(outcomes).toEqual(["answered", "RUNTIME_FAILED", "answered"]);
	});

	it("fails a text whose vector is not finite", async () => {
		const runner = { dimension: 1, lanes: 1, embed: async () => Float32Array.of(Number.NaN) };
		expect(await reasonOf(new Scheduler(runner, LIMITS).submit([text(2)]))).toBe("RUNTIME_FAILED");
	});

	it("answers what it admitted while it drains, and takes nothing new", async () => {
		const { scheduler } = setUp({ maxBatchTexts: 1 });
		const admitted = [1, 2, 3].map(() => reasonOf(scheduler.submit([text(4)])));
		const drained = scheduler.drain();
		expect(await reasonOf(scheduler.submit([text(4)]))).toBe("DRAINING");
		await drained;
		expect(await Promise.all(admitted)).toEqual(["answered", "answered", "answered"]);
	});
});
