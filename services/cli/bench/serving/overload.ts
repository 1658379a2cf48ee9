/**
 * What a real service does at half, at nine tenths and beyond its capacity, how soon it recovers, whether a client or an
 * adapter that floods it starves the rest, and whether work that nobody waits for leaves the queue.
 */
import { parseArgs } from "node:util";
import { readLines } from "../texts.js";
import { capacityOf, outcomesOf, sendAt } from "./arrivals.js";
import { wholeNumbers } from "./options.js";
import { ServedEmbed } from "./served.js";
import { round } from "./statistics.js";
import { makeVariants } from "./variants.js";

const OPTIONS = {
	base: { type: "string" },
	texts: { type: "string" },
	compute: { type: "string", default: "int8" },
	threads: { type: "string", default: "2" },
	/** Of each load. */
	seconds: { type: "string", default: "30" },
	"texts-per-request": { type: "string", default: "8" },
	"max-queue-ms": { type: "string", default: "1000" },
} as const;

const LOADS = [0.5, 0.9, 1.2, 0.5];
const NOISY_CLIENTS = 64;

export async function benchOverload(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const numbers = wholeNumbers(values, ["threads", "seconds", "texts-per-request", "max-queue-ms"]);
	const texts = readLines(values.texts);
	const variants = await makeVariants(values.base, values.compute as "int8", 2, texts.slice(0, 2));
	const service = await ServedEmbed.start(
		values.base,
		{ DAK_COMPUTE: values.compute, DAK_THREADS: values.threads, DAK_MAX_QUEUE_MS: values["max-queue-ms"] },
		(_, root) => {
			for (const [i, name] of ["noisy", "quiet"].entries()) variants[i]!.write(`${root}/adapters/${name}/1`);
		},
	);
	const inputs = (i: number) =>
		Array.from({ length: numbers["texts-per-request"] }, (_, at) => texts[(i * numbers["texts-per-request"] + at) % texts.length]);
	const { seconds } = numbers;
	try {
		await capacityOf(service, 16, 2, (i) => ({ inputs: inputs(i) }));
		const capacity = await capacityOf(service, 16, seconds, (i) => ({ inputs: inputs(i) }));
		const loads = [];
		for (const load of LOADS) {
			const outcomes = await sendAt(service, { rate: load * capacity, seconds, body: (i) => ({ inputs: inputs(i) }) });
			loads.push({ load, ...outcomesOf(outcomes, seconds) });
		}
		return {
			engine: "domain-adapter-kit",
			compute: values.compute,
			...numbers,
			capacity_requests_per_second: round(capacity, 1),
			loads,
			noisy_neighbour: await noisyNeighbour(service, capacity, seconds, inputs),
			given_up: await givenUp(service, inputs),
			rss_mb: service.rssMb(),
		};
	} finally {
		await service.stop();
	}
}

/** A quiet adapter at a twentieth of the capacity, alone and beside clients that flood another one. */
async function noisyNeighbour(service: ServedEmbed, capacity: number, seconds: number, inputs: (i: number) => unknown) {
	const quiet = { rate: capacity / 20, seconds, body: (i: number) => ({ inputs: inputs(i), adapter: "quiet" }) };
	const alone = outcomesOf(await sendAt(service, quiet), seconds);
	const flood = capacityOf(service, NOISY_CLIENTS, seconds, (i) => ({ inputs: inputs(i), adapter: "noisy" }));
	const beside = outcomesOf(await sendAt(service, quiet), seconds);
	return { quiet_alone: alone, quiet_beside_noisy: beside, noisy_answered_per_second: round(await flood, 1) };
}

/** Clients that go away at once: what they asked for must not be run. */
async function givenUp(service: ServedEmbed, inputs: (i: number) => unknown) {
	const before = await embedded(service);
	const requests = 200;
	const gone = Array.from({ length: requests }, async (_, i) => {
		const controller = new AbortController();
		const asked = service.post("/embed", { inputs: inputs(i) }, controller.signal);
		setTimeout(() => controller.abort(), 30);
		return asked.then(
			() => 1,
			() => 0,
		);
	});
	const answered = (await Promise.all(gone)).reduce<number>((sum, one) => sum + one, 0);
	const started = performance.now();
	while ((await metric(service, "dak_embed_queue_texts")) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
	return {
		requests,
		answered_before: answered,
		queue_empty_after_ms: round(performance.now() - started, 1),
		texts_run: (await embedded(service)) - before,
		texts_asked_for: requests * (inputs(0) as unknown[]).length,
	};
}

const embedded = (service: ServedEmbed): Promise<number> => metric(service, "dak_embed_batch_texts_sum");

async function metric(service: ServedEmbed, name: string): Promise<number> {
	const text = await service.text("/metrics");
	return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}
