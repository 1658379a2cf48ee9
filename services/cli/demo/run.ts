/** The main job, end to end, as a user would do it: REST to submit, gRPC to watch, REST to search, HTTP to scrape. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadConfig } from "@dak/shared/config";
import { toDakError } from "@dak/shared/errors";
import { JobState } from "@dak/shared/proto";
import { bringBaseModel } from "../base-model.js";
import { followJob } from "../jobs/follow.js";
import { type Services, startServices } from "../services.js";
import { createTerminal, type Terminal } from "../terminal.js";
import { getJson, metricValue, postJson, upload } from "./client.js";
import { type DemoData, ownCorpus, userData } from "./data.js";
import { type DemoResult, report } from "./report.js";
import { compareSearch } from "./search.js";

export interface DemoOptions {
	readonly json?: string;
	readonly data?: string;
}

const BASE = "all-MiniLM-L6-v2";
const ADAPTER = "demo";
/** embed-service looks for new adapters as they are published; this is far more than it needs. */
const HOT_LOAD_MS = 30_000;

/** Runs the demo and returns the exit code. */
export async function runDemo({ json, data }: DemoOptions): Promise<number> {
	const terminal = createTerminal();
	const started = performance.now();
	const state = resolve(loadConfig().dataDir, "demo");
	let services: Services | undefined;
	const end = async () => {
		await services?.stop();
		services = undefined;
	};
	const interrupted = () => void end().then(() => process.exit(130));
	process.once("SIGINT", interrupted);
	process.once("SIGTERM", interrupted);
	try {
		const chosen = data === undefined ? ownCorpus() : userData(resolve(data));
		services = await start(state, terminal);
		const result = await follow(services, chosen, state, terminal, started);
		report(terminal, result);
		if (json !== undefined) writeFileSync(json, `${JSON.stringify(result.json, null, 2)}\n`);
		await end();
		return 0;
	} catch (error) {
		const { message, cause } = toDakError(error);
		terminal.line(terminal.red(`the demo failed: ${cause instanceof Error ? cause.message : message}`));
		await end();
		return 1;
	} finally {
		process.off("SIGINT", interrupted);
		process.off("SIGTERM", interrupted);
	}
}

/** Both services on free ports, with a state of their own below the data folder. */
async function start(state: string, terminal: Terminal): Promise<Services> {
	const config = loadConfig();
	const model = await bringBaseModel(BASE, config, (line) => terminal.line(terminal.dim(`  ${line}`)));
	rmSync(state, { recursive: true, force: true });
	mkdirSync(state, { recursive: true });
	terminal.line(`${terminal.bold("1")} Starting train-service and embed-service (base ${BASE}, 4-bit)`);
	const ports = Object.fromEntries(
		["DAK_TRAIN_PORT", "DAK_TRAIN_GRPC_PORT", "DAK_EMBED_PORT", "DAK_EMBED_GRPC_PORT"].map((name) => [name, "0"]),
	);
	const env = {
		...process.env,
		...ports,
		DAK_DATA_DIR: state,
		DAK_MODELS_DIR: join(model.path, ".."),
		DAK_BASE_MODEL: BASE,
		DAK_API_KEYS: "",
	};
	return startServices({
		env,
		onLog: (service, line) => {
			if (/"level":[56]0/.test(line)) terminal.line(terminal.red(`  ${service}: ${line}`));
		},
	});
}

/** The smallest job makes a good one; labelled pairs, where there are some, are what it is measured with. */
async function submit(url: string, { texts, file, pairs, catalogue }: DemoData): Promise<string> {
	const dataset = texts ? { texts } : { upload: await upload(url, file!) };
	const evaluation = pairs.length > 0 ? { evaluation: { queries: pairs, corpus: catalogue } } : {};
	const job = await postJson<{ id: string }>(`${url}/v1/jobs`, {
		base_model: BASE,
		dataset,
		adapter_name: ADAPTER,
		publish: "always",
		training: { max_steps: 120 },
		...evaluation,
	});
	return job.id;
}

async function follow(services: Services, data: DemoData, state: string, terminal: Terminal, started: number): Promise<DemoResult> {
	const train = `http://127.0.0.1:${services.train.rest}`;
	const embed = `http://127.0.0.1:${services.embed.rest}`;
	terminal.line(`${terminal.bold("2")} Submitting a job over REST: ${data.label}${data.texts ? `, ${data.texts.length} texts` : ""}`);
	const id = await submit(train, data);
	terminal.line(`${terminal.bold("3")} Watching ${id} over gRPC`);
	const followed = await followJob(`127.0.0.1:${services.train.grpc}`, id, terminal);
	if (followed.state !== JobState.SUCCEEDED)
		throw new Error(`the job ended ${JobState[followed.state]?.toLowerCase()}: ${followed.reason}`);
	const job = await getJson<{ id: string; state: string; adapter_path: string }>(`${train}/v1/jobs/${id}`);
	const generation = await hotLoaded(embed);
	terminal.line(`${terminal.bold("4")} embed-service has loaded ${ADAPTER}@${generation} by itself`);
	const search = data.pairs.length > 0 ? await compareSearch(embed, ADAPTER, data) : undefined;
	const similarity = await compareSimilarity(embed, data);
	const metrics = await Promise.all([train, embed].map(async (url) => (await fetch(`${url}/metrics`)).text()));
	const peak = metricValue(metrics[0]!, "dak_train_memory_peak_bytes") ?? 0;
	return {
		search,
		similarity,
		embedResidentBytes: metricValue(metrics[1]!, "process_resident_memory_bytes") ?? 0,
		json: {
			job: { id: job.id, state: job.state },
			progress_events: followed.events,
			loss: { first: followed.firstLoss, last: followed.lastLoss },
			quality: search && {
				metric: "mrr@10",
				before: search.before,
				after: search.after,
				gain: search.interval.mean,
				ci95: search.interval.ci95,
			},
			similarity: { before: similarity.before, after: similarity.after },
			metrics_scraped: metrics.reduce((count, text) => count + new Set(text.match(/^dak_\w+/gm)).size, 0),
			seconds: (performance.now() - started) / 1000,
			peak_rss_mb: Math.round(peak / 2 ** 20),
			adapter: join(state, "artifacts", job.adapter_path),
		},
	};
}

/** Waits until the published adapter is served. */
async function hotLoaded(embed: string): Promise<number> {
	const deadline = performance.now() + HOT_LOAD_MS;
	while (performance.now() < deadline) {
		const { adapters } = await getJson<{ adapters: { name: string; generation: number }[] }>(`${embed}/v1/adapters`);
		const found = adapters.find(({ name }) => name === ADAPTER);
		if (found) return found.generation;
		await new Promise((wake) => setTimeout(wake, 100));
	}
	throw new Error(`embed-service has not loaded ${ADAPTER} after ${HOT_LOAD_MS / 1000} s; its log says why`);
}

/** One /similarity call without and with the adapter. */
async function compareSimilarity(embed: string, { pairs, catalogue }: DemoData) {
	const source = pairs[0]?.query ?? "the first text";
	const sentence = pairs[0]?.relevant[0] ?? catalogue[0] ?? "another text";
	const ask = async (adapter: object) =>
		(await postJson<number[]>(`${embed}/similarity`, { inputs: { source_sentence: source, sentences: [sentence] }, ...adapter }))[0]!;
	return { source, sentence, before: await ask({}), after: await ask({ adapter: ADAPTER }) };
}
