/**
 * What adapters cost: batches of 32 texts with 1, 8 and 32 distinct ones, as factors and merged, against the base, in turns
 * (in this process, tokenising not counted); then a thousand registered ones in a real service.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Scheduler } from "@dak/embed-service/batching";
import { createRunner, type ModelRunner, type RunnerAdapter } from "@dak/embed-service/engine";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import type { ComputeMode } from "@dak/shared/nn/inference";
import { loadTokenizer } from "@dak/shared/tokenization";
import { readLines } from "../texts.js";
import { wholeNumbers } from "./options.js";
import { randomAdapter } from "./random-adapter.js";
import { registered } from "./registered.js";
import { median, round } from "./statistics.js";

const OPTIONS = {
	base: { type: "string" },
	texts: { type: "string" },
	compute: { type: "string", default: "int8" },
	threads: { type: "string", default: "2" },
	batch: { type: "string", default: "32" },
	rounds: { type: "string", default: "5" },
	rank: { type: "string", default: "16" },
	"max-length": { type: "string", default: "256" },
	/** Adapters in the store; 0 leaves that part out. */
	registered: { type: "string", default: "1000" },
	resident: { type: "string", default: "64" },
} as const;

const DISTINCT = [1, 8, 32];

export async function benchAdapters(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const numbers = wholeNumbers(values, ["threads", "batch", "rounds", "rank", "max-length", "registered", "resident"]);
	const base = await openBaseModel(await resolveModel(values.base, { allowPaths: true }));
	const tokenizer = await loadTokenizer(base.folder.path);
	const texts = readLines(values.texts).map((text) => tokenizer.encode(text, { maxLength: numbers["max-length"] }));
	const runner = await createRunner(base, { device: "cpu", threads: numbers.threads, compute: values.compute as ComputeMode });
	const made = Array.from({ length: Math.max(...DISTINCT) }, (_, i) => randomAdapter(base, numbers.rank, i + 1));
	const factors: RunnerAdapter[] = [];
	const merged: RunnerAdapter[] = [];
	const mergeMs: number[] = [];
	for (const adapter of made) {
		factors.push(await runner.prepare(adapter));
		if (!runner.merges) continue;
		const started = performance.now();
		merged.push(await runner.merge(adapter));
		mergeMs.push(performance.now() - started);
	}
	const tiers = { factors, ...(runner.merges && { merged }) };
	const speeds = await measure(runner, texts, tiers, numbers);
	await runner.close();
	base.weights.close();
	return {
		engine: "domain-adapter-kit",
		compute: values.compute,
		threads: numbers.threads,
		batch: numbers.batch,
		rank: numbers.rank,
		tokens_per_text: round(texts.reduce((sum, { length }) => sum + length, 0) / texts.length, 1),
		...speeds,
		bytes_each: Object.fromEntries(Object.entries(tiers).map(([tier, [first]]) => [tier, first!.residentBytes])),
		...(mergeMs.length > 0 && { merge_ms: round(median(mergeMs), 0) }),
		...(numbers.registered > 0 && {
			registry: await registered(values.base, { ...numbers, compute: values.compute, dropCaches: dropFromCache }),
		}),
	};
}

/** Rounds in turns, so that what disturbs one disturbs all; the medians of each one's ratio to the base of its round. */
async function measure(
	runner: ModelRunner,
	texts: readonly Int32Array[],
	tiers: Readonly<Record<string, readonly RunnerAdapter[]>>,
	{ rounds, batch }: { readonly rounds: number; readonly batch: number },
) {
	const kinds = Object.entries(tiers).flatMap(([tier, adapters]) =>
		DISTINCT.map((count) => ({ tier, adapters: adapters.slice(0, count) })),
	);
	const base: number[] = [];
	const ratios = kinds.map((): number[] => []);
	await speed(runner, texts, [], batch);
	for (const { adapters } of kinds) await speed(runner, texts.slice(0, 4 * batch), adapters, batch);
	for (let i = 0; i < rounds; i++) {
		const wanted = await speed(runner, texts, [], batch);
		base.push(wanted);
		for (const [kind, { adapters }] of kinds.entries()) ratios[kind]!.push((await speed(runner, texts, adapters, batch)) / wanted);
	}
	const kept: Record<string, Record<string, number>> = {};
	for (const [kind, { tier, adapters }] of kinds.entries()) {
		kept[tier] ??= {};
		kept[tier][`${adapters.length}`] = round(median(ratios[kind]!), 3);
	}
	return { base_texts_per_second: round(median(base), 1), kept_of_base: kept };
}

/** Texts a second, as many batches under way as there are lanes. */
async function speed(
	runner: ModelRunner,
	texts: readonly Int32Array[],
	adapters: readonly RunnerAdapter[],
	batch: number,
): Promise<number> {
	const unbounded = { maxQueueTexts: 1e9, maxQueueTokens: 1e9, maxQueueMs: 1e9 };
	const scheduler = new Scheduler(runner, { maxBatchTokens: 1e9, maxBatchTexts: batch, ...unbounded });
	const batches: { ids: Int32Array; adapter: RunnerAdapter | undefined }[][] = [];
	for (let from = 0; from + batch <= texts.length; from += batch)
		batches.push(texts.slice(from, from + batch).map((ids, i) => ({ ids, adapter: adapters[i % adapters.length] })));
	const started = performance.now();
	let next = 0;
	const lane = async () => {
		while (next < batches.length) await scheduler.submit(batches[next++]!);
	};
	await Promise.all(Array.from({ length: runner.lanes }, lane));
	return (batches.length * batch * 1000) / (performance.now() - started);
}

/** Asks the system to forget a file's pages; a file that stays cached makes the figure better than a disk's. */
function dropFromCache(folder: string): void {
	for (const file of ["adapter_model.safetensors", "adapter_config.json", "manifest.json"])
		spawnSync("dd", [`if=${join(folder, file)}`, "iflag=nocache", "count=0"], { stdio: "ignore" });
}
