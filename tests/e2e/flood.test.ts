/** More than a service can do at once: it answers each request, clearly and rightly, and is the same afterwards. */
import { Agent, request } from "node:http";
import { join } from "node:path";
import { entryPoint } from "@dak/shared/runtime";
import { expect, test, vi } from "vitest";
import { type JobJson, scratchFolder } from "../../services/train-service/testing/index.js";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";
import { spawnService } from "../../services/train-service/testing/spawn-service.js";

// On machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const EMBED = entryPoint(new URL("../../services/embed-service/index.ts", import.meta.url).href, "main");
const TRAIN = entryPoint(new URL("../../services/train-service/testing/index.ts", import.meta.url).href, "service-process");
const REQUESTS = 10_000;
const JOBS = 1000;
/** Both ends' sockets are this machine's, and few systems give a process more than 1024 files. */
const SOCKETS = 400;
/** One that has not been answered by then hangs. */
const PATIENCE_MS = 120_000;

interface Answer {
	readonly status: number;
	readonly retryAfter: string | undefined;
	readonly text: string;
}

/** By Node's own client: ten thousand are a small part of the machine's work. */
function poster(url: string) {
	const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
	const post = (path: string, body: unknown): Promise<Answer> =>
		new Promise((resolve, reject) => {
			const options = { agent, method: "POST", headers: { "content-type": "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) };
			const sent = request(url + path, options, (response) => {
				const pieces: Buffer[] = [];
				response.on("data", (piece: Buffer) => pieces.push(piece));
				response.on("error", reject);
				response.on("end", () => {
					const text = Buffer.concat(pieces).toString();
					resolve({ status: response.statusCode!, retryAfter: response.headers["retry-after"], text });
				});
			});
			sent.on("error", reject);
			sent.end(JSON.stringify(body));
		});
	return { post, end: () => agent.destroy() };
}

const report = (counts: object) => console.info(JSON.stringify(counts));

const countsOf = (answers: readonly Answer[]) => {
	const counts: Record<number, number> = {};
	for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
	return counts;
};

function cosine(a: readonly number[], b: readonly number[]): number {
	const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
	return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

const vectorOf = ({ text }: Answer): number[] => (JSON.parse(text) as number[][])[0]!;

test("10,000 texts at once: each is answered with its own vector or told to come later, and the queue is empty afterwards", async () => {
	const folder = scratchFolder();
	writeSmallBase(join(folder, "models", "small"));
	const environment = {
		DAK_MODELS_DIR: join(folder, "models"),
		DAK_BASE_MODEL: "small",
		DAK_DEVICE: "cpu",
		DAK_THREADS: "1",
		DAK_EMBED_PORT: "0",
		DAK_EMBED_GRPC_PORT: "0",
		// Fewer than ask at a time, so that some are told to come later.
		DAK_MAX_QUEUE_TEXTS: "128",
	};
	const { client, process: service, ended } = await spawnService(EMBED, join(folder, "data"), environment);
	const { post, end } = poster(client.url);
	const ask = (text: string) => post("/embed", { inputs: text });
	const expected = new Map<string, number[]>();
	for (const text of SMALL_TEXTS) expected.set(text, vectorOf(await ask(text)));

	const texts = Array.from({ length: REQUESTS }, (_, i) => SMALL_TEXTS[i % SMALL_TEXTS.length]!);
	const answers = await Promise.all(texts.map(ask));
	const counts = countsOf(answers);
	expect(Object.keys(counts), JSON.stringify(counts)).toEqual(["200", "429"]);
	expect(counts[200]! + counts[429]!).toBe(REQUESTS);
	for (const { status, retryAfter } of answers) if (status === 429) expect(Number(retryAfter)).toBeGreaterThan(0);
	const gaps = answers.flatMap((answer, i) => (answer.status === 200 ? [1 - cosine(vectorOf(answer), expected.get(texts[i]!)!)] : []));
	expect(Math.max(...gaps)).toBeLessThan(1e-5);

	expect(cosine(vectorOf(await ask(SMALL_TEXTS[0]!)), expected.get(SMALL_TEXTS[0]!)!)).toBeGreaterThan(1 - 1e-5);
	const metrics = await (await fetch(`${client.url}/metrics`)).text();
	expect(metrics).toMatch(/^dak_embed_queue_texts 0$/m);
	expect(metrics).toMatch(/^dak_embed_queue_tokens 0$/m);
	end();
	service.kill("SIGTERM");
	expect(await ended).toBe(0);
	report({ requests: REQUESTS, answers: counts, largest_gap: Math.max(...gaps) });
});

test("1,000 jobs at once: each that is acknowledged is there, also after kill -9", async () => {
	const folder = scratchFolder();
	writeSmallBase(join(folder, "models", "small"));
	const environment = { DAK_MODELS_DIR: join(folder, "models") };
	const first = await spawnService(TRAIN, join(folder, "data"), environment);
	const uploaded = await fetch(`${first.client.url}/v1/datasets?filename=texts.txt`, {
		method: "POST",
		headers: { "content-type": "text/plain" },
		body: SMALL_TEXTS.join("\n"),
	});
	const { id: upload } = (await uploaded.json()) as { id: string };
	const { post, end } = poster(first.client.url);
	const job = { base_model: "small", dataset: { upload }, max_length: 16 };
	// All others wait behind it.
	const running = await first.client.create({ ...job, adapter_name: "slow", training: { max_steps: 100_000 } });
	await first.client.until(running.id, "training");
	const answers = await Promise.all(Array.from({ length: JOBS }, () => post("/v1/jobs", job)));
	end();
	const counts = countsOf(answers);
	for (const { status, retryAfter } of answers) if (status !== 202) expect([status, Number(retryAfter) > 0]).toEqual([429, true]);
	const acknowledged = answers.flatMap(({ status, text }) => (status === 202 ? [(JSON.parse(text) as JobJson).id] : [])).sort();
	expect(new Set(acknowledged).size, JSON.stringify(counts)).toBe(counts[202]);
	expect(acknowledged.length).toBeGreaterThan(JOBS / 2);
	expect(await queuedIn(first.client.url)).toEqual(acknowledged);

	first.process.kill("SIGKILL");
	await first.ended;
	const second = await spawnService(TRAIN, join(folder, "data"), environment);
	expect(await queuedIn(second.client.url)).toEqual(acknowledged);
	expect(await depthOf(second.client.url)).toBe(acknowledged.length);
	for (const id of acknowledged) expect((await second.client.cancel(id)).status).toBe(202);
	expect(await queuedIn(second.client.url)).toEqual([]);
	expect(await depthOf(second.client.url)).toBe(0);
	report({ jobs_posted: JOBS, answers: counts, lost: 0 });
});

async function queuedIn(url: string): Promise<string[]> {
	const ids: string[] = [];
	for (let token = "", more = true; more; more = token !== "") {
		const response = await fetch(`${url}/v1/jobs?state=queued&page_size=200&page_token=${token}`);
		const page = (await response.json()) as { jobs: JobJson[]; next_page_token: string };
		ids.push(...page.jobs.map(({ id }) => id));
		token = page.next_page_token;
	}
	return ids.sort();
}

async function depthOf(url: string): Promise<number> {
	const metrics = await (await fetch(`${url}/metrics`)).text();
	return Number(/^dak_train_queue_depth (\d+)$/m.exec(metrics)?.[1]);
}
