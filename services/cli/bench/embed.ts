/**
 * Embedding throughput in this process, without HTTP, as the peers are measured: batches sorted by length, the median of
 * a few rounds over all texts, then single texts one after the other. Tokenising counts. Then the drift of `--compute`.
 */
import { parseArgs } from "node:util";
import { createRunner, type ModelRunner, type RunnerAdapter } from "@dak/embed-service/engine";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import { COMPUTE_MODES, type ComputeMode } from "@dak/shared/nn/inference";
import { peakRssBytes } from "@dak/shared/observability";
import type { WantedDevice } from "@dak/shared/runtime";
import { loadTokenizer, type Tokenizer } from "@dak/shared/tokenization";
import { drift } from "./drift.js";
import { randomAdapter } from "./serving/random-adapter.js";
import { percentile, round } from "./serving/statistics.js";
import { readLines } from "./texts.js";

const OPTIONS = {
	base: { type: "string" },
	texts: { type: "string" },
	batch: { type: "string", default: "32" },
	threads: { type: "string", default: "2" },
	rounds: { type: "string", default: "3" },
	single: { type: "string", default: "100" },
	"max-length": { type: "string", default: "256" },
	/** Texts take turns over so many adapters. */
	adapters: { type: "string", default: "0" },
	rank: { type: "string", default: "16" },
	device: { type: "string", default: "auto" },
	/** int8, precise or fp32. */
	compute: { type: "string", default: "fp32" },
} as const;

type Numbers = Readonly<Record<"batch" | "threads" | "rounds" | "single" | "max-length" | "adapters" | "rank", number>>;

function numbers(values: Readonly<Record<string, string | undefined>>): Numbers {
	const names = ["batch", "threads", "rounds", "single", "max-length", "adapters", "rank"] as const;
	return Object.fromEntries(
		names.map((name) => {
			const value = Number(values[name]);
			if (!Number.isInteger(value) || value < 0) throw new Error(`--${name}: found ${values[name]}, allowed: a whole number`);
			return [name, value];
		}),
	) as Numbers;
}

/** Texts whose drift is measured. */
const DRIFT_TEXTS = 400;

class EmbedBench {
	constructor(
		private readonly runner: ModelRunner,
		private readonly tokenizer: Tokenizer,
		private readonly adapters: readonly RunnerAdapter[],
		private readonly options: Numbers,
	) {}

	/** All texts once. @returns tokens, milliseconds, and those of all processors together */
	async round(texts: readonly string[]): Promise<{ readonly tokens: number; readonly ms: number; readonly cpuMs: number }> {
		const start = performance.now();
		const cpu = process.cpuUsage();
		const inputs = texts
			.map((text, i) => ({ ids: this.ids(text), adapter: this.adapters[i % this.adapters.length] }))
			.sort((a, b) => b.ids.length - a.ids.length);
		for (let i = 0; i < inputs.length; i += this.options.batch) await this.runner.embed(inputs.slice(i, i + this.options.batch));
		return { tokens: inputs.reduce((sum, { ids }) => sum + ids.length, 0), ms: performance.now() - start, cpuMs: cpuMsSince(cpu) };
	}

	/** Milliseconds of each of `--single` texts, alone, sorted. */
	async singles(texts: readonly string[]): Promise<number[]> {
		const times: number[] = [];
		for (let i = 0; i < this.options.single; i++) {
			const start = performance.now();
			const adapter = this.adapters[i % this.adapters.length];
			await this.runner.embed([{ ids: this.ids(texts[i % texts.length]!), adapter }]);
			times.push(performance.now() - start);
		}
		return times.sort((a, b) => a - b);
	}

	ids(text: string): Int32Array {
		return this.tokenizer.encode(text, { maxLength: this.options["max-length"] });
	}
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
	const { user, system } = process.cpuUsage(start);
	return (user + system) / 1000;
}

function computeMode(value: string): ComputeMode {
	const mode = COMPUTE_MODES.find((one) => one === value);
	if (!mode) throw new Error(`--compute: found ${value}, allowed: ${COMPUTE_MODES.join(", ")}`);
	return mode;
}

/** @throws for options that are missing or no numbers; INVALID_MODEL, MODEL_NOT_FOUND */
export async function benchEmbed(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const options = numbers(values);
	const compute = computeMode(values.compute);
	const texts = readLines(values.texts);
	const base = await openBaseModel(await resolveModel(values.base, { allowPaths: true }));
	const tokenizer = await loadTokenizer(base.folder.path);
	const runner = await createRunner(base, { device: values.device as WantedDevice, threads: options.threads, compute });
	try {
		const adapters: RunnerAdapter[] = [];
		for (let i = 0; i < options.adapters; i++) adapters.push(await runner.prepare(randomAdapter(base, options.rank, i + 1)));
		const bench = new EmbedBench(runner, tokenizer, adapters, options);
		await bench.round(texts.slice(0, 4 * options.batch));
		const rounds = [];
		for (let i = 0; i < options.rounds; i++) rounds.push(await bench.round(texts));
		const median = rounds.sort((a, b) => a.ms - b.ms)[rounds.length >> 1]!;
		const single = await bench.singles(texts);
		const rss = peakRssBytes();
		const near =
			compute === "fp32"
				? undefined
				: await drift(
						runner,
						base,
						texts.slice(0, DRIFT_TEXTS).map((text) => bench.ids(text)),
						options.batch,
					);
		return {
			engine: "domain-adapter-kit",
			device: runner.device,
			compute,
			threads: options.threads,
			batch: options.batch,
			adapters: options.adapters,
			...(options.adapters > 0 && { rank: options.rank }),
			texts: texts.length,
			texts_per_second: round((texts.length / median.ms) * 1000, 1),
			tokens_per_second: round((median.tokens / median.ms) * 1000, 1),
			cpu_ms_per_text: round(median.cpuMs / texts.length, 3),
			p50_ms: round(percentile(single, 0.5), 2),
			p99_ms: round(percentile(single, 0.99), 2),
			base_mb: round(runner.baseBytes / 2 ** 20, 1),
			peak_rss_mb: round(rss / 2 ** 20, 1),
			...(near && { cosine_mean: round(near.mean, 5), cosine_min: round(near.least, 5) }),
		};
	} finally {
		await runner.close();
		base.weights.close();
	}
}
