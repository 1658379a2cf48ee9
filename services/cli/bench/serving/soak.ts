/** Hours of ordinary use in short: a steady load on several adapters, new generations every minute, and memory all along. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readLines } from "../texts.js";
import { wholeNumbers } from "./options.js";
import { ServedEmbed } from "./served.js";
import { median, round, summary } from "./statistics.js";
import { makeVariants } from "./variants.js";

const OPTIONS = {
	base: { type: "string" },
	texts: { type: "string" },
	compute: { type: "string", default: "int8" },
	threads: { type: "string", default: "2" },
	minutes: { type: "string", default: "60" },
	clients: { type: "string", default: "4" },
	adapters: { type: "string", default: "16" },
	"swaps-per-minute": { type: "string", default: "12" },
	"memory-mb": { type: "string", default: "48" },
} as const;

const VARIANTS = 4;
const SAMPLES = 120;

export async function benchSoak(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const numbers = wholeNumbers(values, ["threads", "minutes", "clients", "adapters", "swaps-per-minute", "memory-mb"]);
	const texts = readLines(values.texts);
	const variants = await makeVariants(values.base, values.compute as "int8", VARIANTS, texts.slice(0, 2));
	const service = await ServedEmbed.start(
		values.base,
		{
			DAK_COMPUTE: values.compute,
			DAK_THREADS: values.threads,
			DAK_ADAPTER_MEMORY_MB: values["memory-mb"],
			DAK_ADAPTER_MERGED_MB: values["memory-mb"],
		},
		(_, root) => {
			for (const [i, variant] of variants.entries()) variant.write(join(root, "variants", `${i}`));
		},
	);
	try {
		let ending = false;
		let failed = 0;
		const times: number[] = [];
		const samples: { readonly minute: number; readonly rss_mb: number }[] = [];
		const load = async (i: number) => {
			const source = { path: `variants/${i % VARIANTS}` };
			const { status } = await service.post("/v1/adapters", { name: `adapter-${i % numbers.adapters}`, source });
			if (status >= 300) failed++;
		};
		for (let i = 0; i < numbers.adapters; i++) await load(i);
		const client = async (seed: number) => {
			for (let i = seed; !ending; i += numbers.clients) {
				const inputs = Array.from({ length: 1 + (i % 8) }, (_, at) => texts[(i * 31 + at) % texts.length]);
				// Some adapters are used much, some little, and the base now and then.
				const adapter = i % 10 === 0 ? {} : { adapter: `adapter-${Math.floor(numbers.adapters * ((i * 0.618) % 1) ** 2)}` };
				const { status, ms } = await service.post("/embed", { inputs, ...adapter });
				if (status !== 200) failed++;
				times.push(ms);
			}
		};
		const clients = Array.from({ length: numbers.clients }, (_, i) => client(i));
		const started = performance.now();
		const total = numbers.minutes * 60_000;
		const swapMs = numbers["swaps-per-minute"] > 0 ? 60_000 / numbers["swaps-per-minute"] : Number.POSITIVE_INFINITY;
		let swaps = 0;
		while (performance.now() < started + total) {
			const gone = performance.now() - started;
			if (gone >= swaps * swapMs) await load(swaps++);
			if (gone >= (samples.length * total) / SAMPLES) samples.push({ minute: round(gone / 60_000, 2), rss_mb: service.rssMb() });
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		ending = true;
		await Promise.all(clients);
		const quarter = (from: number) =>
			median(samples.slice(Math.floor(from * samples.length), Math.ceil((from + 0.25) * samples.length)).map(({ rss_mb }) => rss_mb));
		return {
			engine: "domain-adapter-kit",
			compute: values.compute,
			...numbers,
			swaps,
			failed,
			requests: summary(times),
			rss_mb_second_quarter: quarter(0.25),
			rss_mb_last_quarter: quarter(0.75),
			samples,
		};
	} finally {
		await service.stop();
	}
}
