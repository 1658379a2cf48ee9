/**
 * What adapters gain in search: for each set, goal and seed one job with defaults, measured over the set's labels, which it is never
 * trained on. Without --sets: the demo's own corpus. A set names its files relative to the file of sets:
 *   [{"name": "tickets", "base_model": "all-MiniLM-L6-v2", "texts": "tickets.txt", "labels": "labels.json"}]
 * Labels are those of a job's `evaluation`, as `dak train --eval` reads them. With --draws 50,200 the adapter is served, too, and each
 * verdict is compared with those that so many of the labels give.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DakClient, type JobSpecJson } from "@dak/shared/client";
import { parseOrThrow } from "@dak/shared/errors";
import { z } from "zod";
import { ownCorpus } from "../demo/data.js";
import { type LabelledData, readLabelled } from "../evaluation/labelled-file.js";
import { startServices } from "../services.js";
import { vectorsOf } from "../vectors.js";
import { drawVerdicts } from "./draws.js";

const setSchema = z.strictObject({
	name: z.string(),
	base_model: z.string(),
	texts: z.string(),
	labels: z.string(),
	prompt: z.string().optional(),
});
const SETS = z.array(setSchema).min(1);

interface Measured {
	readonly name: string;
	readonly base_model: string;
	/** Name of the base's prompt that is put before each text; a job takes `query` where there is one. */
	readonly prompt?: string | undefined;
	readonly dataset: (dak: DakClient) => Promise<JobSpecJson["dataset"]>;
	readonly labels: NonNullable<JobSpecJson["evaluation"]>;
}

interface Labelled {
	readonly metric: string;
	readonly gain: number;
	readonly ci95: readonly [number, number];
	readonly base: Readonly<Record<string, number>>;
	readonly adapted: Readonly<Record<string, number>>;
	readonly free_baselines?: Readonly<Record<string, { readonly gain: number }>>;
}

const TASKS = ["retrieval", "categories", "similarity"] as const;

type Report = Partial<Record<(typeof TASKS)[number], Labelled>> & {
	readonly verdict: string;
	readonly objective: Readonly<Record<string, unknown>>;
};

/** @throws Error for a job that fails, DakError for a file of sets that is none */
export async function benchQuality(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({
		args: [...argv],
		options: {
			sets: { type: "string" },
			seeds: { type: "string", default: "7,8" },
			goals: { type: "string", default: "balanced" },
			job: { type: "string", default: "{}" },
			draws: { type: "string", default: "" },
			rounds: { type: "string", default: "400" },
		},
	});
	const sets = values.sets === undefined ? [ownSet()] : readSets(values.sets);
	const change = JSON.parse(values.job) as Partial<JobSpecJson>;
	const draws = { sizes: values.draws.split(",").filter(Boolean).map(Number), rounds: Number(values.rounds) };
	const rows: object[] = [];
	for (const set of sets)
		for (const goal of values.goals.split(","))
			for (const seed of values.seeds.split(",").map(Number)) {
				const row = { set: set.name, base_model: set.base_model, goal, seed, ...(await measure(set, { goal, seed, change, draws })) };
				rows.push(row);
				console.error(JSON.stringify(row));
			}
	return { bench: "quality", rows };
}

function ownSet(): Measured {
	const { texts, pairs, catalogue } = ownCorpus();
	return {
		name: "the demo's catalogue",
		base_model: "all-MiniLM-L6-v2",
		dataset: async () => ({ texts: [...texts] }),
		labels: { queries: pairs.map(({ query, relevant }) => ({ query, relevant: [...relevant] })), corpus: [...catalogue] },
	};
}

function readSets(file: string): Measured[] {
	const found = parseOrThrow(SETS, JSON.parse(readFileSync(file, "utf8")), "INVALID_REQUEST");
	const path = (name: string) => resolve(dirname(file), name);
	return found.map(({ name, base_model, texts, labels, prompt }) => ({
		name,
		base_model,
		prompt,
		dataset: async (dak) => ({ upload: (await dak.datasets.uploadFile(path(texts))).id }),
		labels: readLabelled(path(labels)),
	}));
}

interface Run {
	readonly goal: string;
	readonly seed: number;
	readonly change: Partial<JobSpecJson>;
	readonly draws: { readonly sizes: readonly number[]; readonly rounds: number };
}

const ADAPTER = "quality";

/** One job in services of its own. */
async function measure(set: Measured, { goal, seed, change, draws }: Run): Promise<object> {
	const state = mkdtempSync(join(tmpdir(), "dak-quality-"));
	const ports = { DAK_TRAIN_PORT: "0", DAK_TRAIN_GRPC_PORT: "0", DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" };
	const own = { DAK_HOST: "127.0.0.1", DAK_DATA_DIR: state, DAK_BASE_MODEL: set.base_model, DAK_DATA_ROOT: "", DAK_ARTIFACTS: "" };
	const services = await startServices({
		env: { ...process.env, ...ports, ...own },
		signal: new AbortController().signal,
		onLog: () => {},
	});
	const dak = new DakClient({
		trainUrl: `http://127.0.0.1:${services.train.rest}`,
		trainGrpc: `127.0.0.1:${services.train.grpc}`,
		embedUrl: `http://127.0.0.1:${services.embed.rest}`,
	});
	try {
		const { training, ...rest } = change;
		const dataset = await set.dataset(dak);
		const job = { base_model: set.base_model, dataset, goal, evaluation: set.labels, adapter_name: ADAPTER, publish: "always", ...rest };
		const started = performance.now();
		const { id } = await dak.jobs.create({ ...job, training: { ...training, seed } });
		for await (const _ of dak.jobs.watch(id));
		const { state: ended, error } = await dak.jobs.get(id);
		if (ended !== "succeeded") throw new Error(`${set.name}: the job ended ${ended}: ${JSON.stringify(error)}`);
		const seconds = Math.round((performance.now() - started) / 1000);
		const by = draws.sizes.length > 0 ? { by_draws: await verdicts(dak, set, draws) } : {};
		return { seconds, ...summary((await dak.jobs.report(id)) as unknown as Report), ...by };
	} finally {
		dak.close();
		await services.stop();
		rmSync(state, { recursive: true, force: true });
	}
}

/** Verdicts by a few of the labels, over the adapter as it is served. */
async function verdicts(dak: DakClient, set: Measured, { sizes, rounds }: Run["draws"]): Promise<object> {
	await dak.adapters.load(ADAPTER);
	const embed = async (texts: readonly string[], model: "base" | "adapter") =>
		(await vectorsOf(dak, texts, { promptName: set.prompt, adapter: model === "adapter" ? ADAPTER : undefined })).vectors;
	return drawVerdicts({ queries: [], corpus: [], pairs: [], categories: [], ...set.labels } as LabelledData, { embed, sizes, rounds });
}

function summary({ verdict, objective, ...report }: Report): object {
	const tasks = TASKS.flatMap((task) => {
		const found = report[task];
		if (!found) return [];
		const { metric, gain, ci95, base, adapted, free_baselines = {} } = found;
		const free = Object.fromEntries(Object.entries(free_baselines).map(([name, contender]) => [name, contender.gain]));
		return [[task, { metric, base: base[metric], adapted: adapted[metric], gain, ci95, free_baselines: free }]];
	});
	return { verdict, objective, ...Object.fromEntries(tasks) };
}
