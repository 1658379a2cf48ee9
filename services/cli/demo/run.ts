/** The main job, end to end, as a user would do it: REST to submit, gRPC to watch, REST to search, HTTP to scrape. */
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DakClient } from "@dak/shared/client";
import { loadConfig } from "@dak/shared/config";
import { bringBaseModel } from "../base-model.js";
import { reasonOf } from "../failure.js";
import { aborted, onInterruption } from "../interruption.js";
import { drawEvents } from "../jobs/follow.js";
import { readLogLine } from "../log-line.js";
import { type Services, startServices } from "../services.js";
import { createTerminal, type Terminal } from "../terminal.js";
import { type DemoData, ownCorpus, userFile } from "./data.js";
import { ADAPTER, BASE, hotLoaded, submitJob } from "./job.js";
import { metricNames, metricValue } from "./metrics.js";
import { type DemoResult, printReport } from "./report.js";
import { compareSearch, compareSimilarity, reportedNeighbours } from "./search.js";

export interface DemoOptions {
	readonly json?: string;
	readonly data?: string;
}

/** pino's level of errors. */
const ERROR = 50;
const INTERRUPTED = 130;

/** Runs the demo and returns the exit code. */
export async function runDemo({ json, data }: DemoOptions): Promise<number> {
	const terminal = createTerminal();
	const interruption = onInterruption();
	const started = performance.now();
	let services: Services | undefined;
	try {
		if (json !== undefined) checkWritable(json);
		const chosen = data === undefined ? ownCorpus() : userFile(resolve(data));
		const state = resolve(loadConfig().dataDir, "demo");
		services = await start(state, terminal, interruption.signal);
		const result = await unlessEnded(measure(services, chosen, state, terminal, started), services, interruption.signal);
		printReport(terminal, result);
		if (json !== undefined) writeFileSync(json, `${JSON.stringify(result.json, null, 2)}\n`);
		return 0;
	} catch (error) {
		if (interruption.signal.aborted) {
			terminal.line("interrupted; ending both services");
			return INTERRUPTED;
		}
		terminal.line(terminal.red(`the demo failed: ${reasonOf(error)}`));
		return 1;
	} finally {
		await services?.stop();
		interruption.dispose();
	}
}

/** Minutes of training are not to end at a folder that is not there. */
function checkWritable(json: string): void {
	try {
		accessSync(dirname(resolve(json)), constants.W_OK);
	} catch {
		throw new Error(`--json: found no folder to write ${json} to`);
	}
}

/** The work's result; throws at once where a service ends or someone interrupts it. */
function unlessEnded<T>(work: Promise<T>, services: Services, signal: AbortSignal): Promise<T> {
	const stopped = Promise.race([services.ended, aborted(signal).then(() => "interrupted")]);
	// Whichever is late has nobody to hear it.
	work.catch(() => {});
	return Promise.race([work, stopped.then((why) => Promise.reject(new Error(why)))]);
}

/** Both services on free ports, with a state of their own below the data folder. */
async function start(state: string, terminal: Terminal, signal: AbortSignal): Promise<Services> {
	const model = await bringBaseModel(BASE, loadConfig(), (line) => terminal.line(terminal.dim(`  ${line}`)));
	rmSync(state, { recursive: true, force: true });
	mkdirSync(state, { recursive: true });
	terminal.line(`${terminal.bold("1")} Starting train-service and embed-service (base ${BASE}, 4-bit)`);
	const ports = { DAK_TRAIN_PORT: "0", DAK_TRAIN_GRPC_PORT: "0", DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" };
	const own = { DAK_HOST: "127.0.0.1", DAK_DATA_DIR: state, DAK_MODELS_DIR: join(model.path, ".."), DAK_BASE_MODEL: BASE };
	// What a grown-up installation has set is not for the demo.
	const unset = { DAK_DATA_ROOT: "", DAK_ARTIFACTS: "", DAK_REDIS_URL: "", DAK_API_KEYS: "" };
	return startServices({
		env: { ...process.env, ...ports, ...own, ...unset },
		signal,
		onLog: (service, line) => {
			const { level, text } = readLogLine(service, line);
			if (level >= ERROR) terminal.line(terminal.red(`  ${text}`));
		},
	});
}

/** Services that this process has just started do not stay away for long. */
const OUTAGE_MS = 10_000;

async function measure(services: Services, data: DemoData, state: string, terminal: Terminal, started: number): Promise<DemoResult> {
	const [train, embed] = [services.train, services.embed].map(({ rest }) => `http://127.0.0.1:${rest}`) as [string, string];
	const trainGrpc = `127.0.0.1:${services.train.grpc}`;
	const dak = new DakClient({ trainUrl: train, embedUrl: embed, trainGrpc, maxOutageMs: OUTAGE_MS });
	try {
		const measured = await measureWith(dak, data, terminal);
		const metrics = await Promise.all([train, embed].map(async (url) => (await fetch(`${url}/metrics`)).text()));
		return resultOf(measured, metrics as [string, string], state, started);
	} finally {
		dak.close();
	}
}

type Measured = Awaited<ReturnType<typeof measureWith>>;

async function measureWith(dak: DakClient, data: DemoData, terminal: Terminal) {
	terminal.line(`${terminal.bold("2")} Submitting a job over REST: ${data.label}`);
	const id = await submitJob(dak, data);
	terminal.line(`${terminal.bold("3")} Watching ${id} over gRPC`);
	const followed = await drawEvents(dak.jobs.watch(id), terminal);
	if (followed.state !== "succeeded") throw new Error(`the job ended ${followed.state}: ${followed.reason}`);
	const { state, adapter_path: adapterPath } = await dak.jobs.get(id);
	if (adapterPath === undefined) throw new Error("the job has published no adapter");
	const generation = await hotLoaded(dak);
	terminal.line(`${terminal.bold("4")} embed-service has loaded ${ADAPTER}@${generation} by itself; searching with and without it`);
	const search = data.kind === "own" ? await compareSearch(dak, ADAPTER, data) : undefined;
	const examples = search?.examples ?? (await reportedNeighbours(dak, id));
	const [source, sentence] =
		data.kind === "own" ? [data.pairs[0]!.query, data.pairs[0]!.relevant[0]!] : [examples[0]!.text, examples[0]!.before[0]!.text];
	const similarity = await compareSimilarity(dak, ADAPTER, source, sentence);
	return { job: { id, state }, adapterPath, followed, search, examples, similarity };
}

function resultOf(
	{ job, adapterPath, followed, search, examples, similarity }: Measured,
	[trainMetrics, embedMetrics]: readonly [string, string],
	state: string,
	started: number,
): DemoResult {
	return {
		search,
		examples,
		similarity,
		embedResidentBytes: metricValue(embedMetrics, "process_resident_memory_bytes") ?? 0,
		json: {
			job,
			progress_events: followed.events,
			loss: { first: followed.firstLoss ?? null, last: followed.lastLoss ?? null },
			quality: search
				? { metric: "mrr@10", before: search.before, after: search.after, gain: search.interval.mean, ci95: search.interval.ci95 }
				: null,
			similarity: { before: similarity.before, after: similarity.after },
			metrics_scraped: metricNames(trainMetrics).size + metricNames(embedMetrics).size,
			seconds: (performance.now() - started) / 1000,
			peak_rss_mb: Math.round((metricValue(trainMetrics, "dak_train_memory_peak_bytes") ?? 0) / 2 ** 20),
			adapter: join(state, "artifacts", adapterPath),
		},
	};
}
