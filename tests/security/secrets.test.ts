/** No secret reaches a log line, an error or an answer: a whole run of both services, every line that they wrote, searched. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { EmbedService, TrainService } from "@dak/shared/proto";
import { createGrpcClient } from "@dak/shared/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";

const SECRETS = {
	submit: "submit-key-3b1f0c77",
	embed: "embed-key-9d2e4a10",
	admin: "admin-key-5c6f8e21",
	hub: "hf_tokenTokenToken4711",
	unknown: "unknown-key-0badcafe",
	query: "query-key-7e57ab1e",
} as const;

interface Ports {
	readonly rest: number;
	readonly grpc: number;
}

const lines: string[] = [];
const answers: string[] = [];
const children: ChildProcess[] = [];
let folder: string;
let train: Ports;
let embed: Ports;

const main = (service: string) => fileURLToPath(new URL(`../../services/${service}/main.ts`, import.meta.url));

/** Starts a service; everything that it writes is kept. */
async function start(service: string, environment: Record<string, string>): Promise<Ports> {
	const args = ["--import", "tsx", "--conditions", "@dak/source", main(service)];
	const child = spawn(process.execPath, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
	children.push(child);
	createInterface({ input: child.stderr! }).on("line", (line) => lines.push(line));
	return new Promise((resolve, reject) => {
		createInterface({ input: child.stdout! }).on("line", (line) => {
			lines.push(line);
			if (line.startsWith("{")) resolve(JSON.parse(line) as Ports);
		});
		child.on("exit", () => reject(new Error(`${service} ended: ${lines.slice(-3).join("\n")}`)));
	});
}

async function ask(url: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
	const response = await fetch(url, init);
	const text = await response.text();
	answers.push(`${response.status} ${JSON.stringify([...response.headers])} ${text}`);
	return { status: response.status, text };
}

const json = (key: string, body: unknown): RequestInit => ({
	method: "POST",
	headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
	body: typeof body === "string" ? body : JSON.stringify(body),
});

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "dak-secrets-"));
	writeSmallBase(join(folder, "models", "small"));
	const environment = {
		DAK_DATA_DIR: join(folder, "state"),
		DAK_MODELS_DIR: join(folder, "models"),
		DAK_BASE_MODEL: "small",
		DAK_TRAIN_PORT: "0",
		DAK_TRAIN_GRPC_PORT: "0",
		DAK_EMBED_PORT: "0",
		DAK_EMBED_GRPC_PORT: "0",
		DAK_DEVICE: "cpu",
		DAK_THREADS: "1",
		DAK_LOG_LEVEL: "trace",
		DAK_API_KEYS: `submit:${SECRETS.submit},embed:${SECRETS.embed},admin:${SECRETS.admin}`,
		HF_TOKEN: SECRETS.hub,
		HF_ENDPOINT: "http://127.0.0.1:9",
		HF_HOME: join(folder, "hub"),
	};
	embed = await start("embed-service", environment);
	train = await start("train-service", { ...environment, DAK_EMBED_URL: `http://127.0.0.1:${embed.rest}` });
});

afterAll(() => {
	for (const child of children) child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

const JOB = {
	base_model: "small",
	adapter_name: "quiet",
	max_length: 16,
	training: { max_steps: 2, batch_size: 4 },
	dataset: { texts: SMALL_TEXTS },
} as const;

async function finished(id: string): Promise<string> {
	for (;;) {
		const { text } = await ask(`http://127.0.0.1:${train.rest}/v1/jobs/${id}`, { headers: { "x-api-key": SECRETS.submit } });
		const { state } = JSON.parse(text) as { state: string };
		if (["succeeded", "failed", "cancelled"].includes(state)) return state;
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

/** Everything that touches a secret: right and wrong keys in every place, a job that ends and one that cannot, a hub that is not there. */
async function run(): Promise<void> {
	const [t, e] = [`http://127.0.0.1:${train.rest}`, `http://127.0.0.1:${embed.rest}`];
	const created = await ask(`${t}/v1/jobs`, json(SECRETS.submit, JOB));
	expect(created.status).toBe(202);
	for (const key of Object.values(SECRETS)) {
		await ask(`${t}/v1/jobs?api_key=${SECRETS.query}`, { headers: { "x-api-key": key } });
		await ask(`${t}/v1/jobs`, json(key, `{"broken": "${SECRETS.query}`));
		await ask(`${e}/embed`, json(key, { inputs: "red hat", adapter: "nobody" }));
		await ask(`${e}/v1/embeddings`, json(key, { input: ["red hat"], model: "small" }));
		await ask(`${e}/v1/adapters`, json(key, { name: "x", source: { path: "../outside" } }));
		await ask(`${t}/console/api/adapters`, { headers: { authorization: `Bearer ${key}` } });
		await ask(`${t}/%zz?token=${SECRETS.query}`, { headers: { authorization: `Basic ${key}` } });
	}
	// The hub is asked with the token and does not answer.
	const missing = await ask(`${t}/v1/jobs`, json(SECRETS.admin, { ...JOB, base_model: "owner/model" }));
	if (missing.status === 202) expect(await finished(JSON.parse(missing.text).id)).toBe("failed");
	await ask(`${t}/v1/jobs`, json(SECRETS.admin, { ...JOB, dataset: { hub: "owner/data" } }));
	for (const apiKey of [SECRETS.unknown, SECRETS.submit, SECRETS.embed]) {
		const clients = [
			createGrpcClient(TrainService, `127.0.0.1:${train.grpc}`, { apiKey }),
			createGrpcClient(EmbedService, `127.0.0.1:${embed.grpc}`, { apiKey }),
		] as const;
		const told = [
			await clients[0].listJobs({}).catch((error: Error) => error.message),
			await clients[1].embed({ inputs: ["red hat"] }).catch((error: Error) => error.message),
		];
		answers.push(JSON.stringify(told, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
		for (const client of clients) client.close();
	}
	expect(await finished(JSON.parse(created.text).id)).toBe("succeeded");
	await ask(`${t}/metrics`);
	await ask(`${e}/metrics`);
}

describe("a run of both services at the most talkative level", () => {
	beforeAll(run);

	test("wrote something to search", () => {
		expect(lines.filter((line) => line.includes('"route":"/v1/jobs"')).length).toBeGreaterThan(5);
		expect(answers.length).toBeGreaterThan(40);
	});

	test.each(Object.entries(SECRETS))("no line holds the %s secret", (_, secret) => {
		expect(lines.filter((line) => line.includes(secret))).toEqual([]);
	});

	test.each(Object.entries(SECRETS).filter(([name]) => name !== "query"))("no answer holds the %s secret", (_, secret) => {
		expect(answers.filter((text) => text.includes(secret))).toEqual([]);
	});

	test("nor their digests, nor the environment", () => {
		const all = [...lines, ...answers].join("\n");
		expect(all).not.toMatch(/DAK_API_KEYS|HF_TOKEN=/);
	});
});

test("a configuration that is refused is refused without repeating its secrets", async () => {
	const secret = "a-secret-without-scope";
	const path = join(folder, "half.pem");
	writeFileSync(path, `-----BEGIN PRIVATE KEY-----\n${secret}\n`);
	for (const environment of [
		{ DAK_API_KEYS: secret },
		{ DAK_API_KEYS: `root:${secret}` },
		{ DAK_REDIS_URL: `not a url ${secret}` },
		{ DAK_TLS_CERT: path, DAK_TLS_KEY: path },
	]) {
		const from = lines.length;
		await expect(
			start("train-service", { DAK_DATA_DIR: join(folder, "refused"), DAK_TRAIN_PORT: "0", DAK_TRAIN_GRPC_PORT: "0", ...environment }),
		).rejects.toThrow();
		expect(lines.slice(from).join("\n"), JSON.stringify(environment)).not.toContain(secret);
	}
});
