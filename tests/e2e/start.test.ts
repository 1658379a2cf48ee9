/** `npm start` as a person runs it: both services, a job, its adapter served by itself, a clean end. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { JobState, TrainService } from "@dak/shared/proto";
import { createGrpcClient } from "@dak/shared/server";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const TEXTS = Array.from(
	{ length: 24 },
	(_, i) => `${["hex bolt", "ball valve", "o-ring", "v-belt"][i % 4]} M${4 + i} ${i % 2 ? "zinc" : "stainless"} steel`,
);

interface Address {
	readonly rest: string;
	readonly grpc: string;
}

let folder: string;
let child: ChildProcess;
let train: Address;
let embed: Address;

/** Reads where a service listens from what `npm start` says. */
const addressIn = (line: string): Address => ({ rest: /REST (\S+)/.exec(line)![1]!, grpc: /gRPC (\S+)/.exec(line)![1]! });

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "dak-start-"));
	const ports = { DAK_TRAIN_PORT: "0", DAK_TRAIN_GRPC_PORT: "0", DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" };
	const env = { ...process.env, ...ports, DAK_DATA_DIR: folder, DAK_MODELS_DIR: process.env.DAK_TEST_MODELS, DAK_THREADS: "1" };
	// What `npm test` has built, as users run it.
	child = spawn(process.execPath, [join(root, "services/cli/dist/start.js")], { env, stdio: ["ignore", "ignore", "pipe"] });
	for await (const line of createInterface({ input: child.stderr! })) {
		if (line.startsWith("train-service")) train = addressIn(line);
		if (line.startsWith("embed-service")) embed = addressIn(line);
		if (line.startsWith("Ctrl-C")) break;
	}
	child.stderr!.resume();
});

afterAll(() => {
	child.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

const post = (url: string, body: unknown) =>
	fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

test("a job posted over REST is watched over gRPC, and its adapter is served by itself", async () => {
	const submitted = await post(`${train.rest}/v1/jobs`, {
		base_model: "all-MiniLM-L6-v2",
		dataset: { texts: TEXTS },
		adapter_name: "parts",
		training: { max_steps: 2, batch_size: 4 },
	});
	expect(submitted.status).toBe(202);
	const { id } = (await submitted.json()) as { id: string };

	const client = createGrpcClient(TrainService, train.grpc);
	const seen = { sequences: [] as bigint[], losses: [] as number[], last: JobState.UNSPECIFIED as JobState };
	for await (const { sequence, event } of client.watchJob({ id })) {
		seen.sequences.push(sequence);
		if (event.case === "progress") seen.losses.push(event.value.loss);
		if (event.case === "state") seen.last = event.value.to;
	}
	client.close();
	expect(seen.sequences).toEqual(seen.sequences.map((_, i) => BigInt(i + 1)));
	expect(seen.losses).toHaveLength(2);
	expect(seen.last).toBe(JobState.SUCCEEDED);

	const answer = await untilServed();
	expect(answer.headers.get("x-dak-adapter")).toBe("parts@1");
	const [adapted] = (await answer.json()) as number[][];
	const [base] = (await (await post(`${embed.rest}/embed`, { inputs: TEXTS[0] })).json()) as number[][];
	expect(adapted).toHaveLength(384);
	expect(adapted).not.toEqual(base);

	for (const { rest } of [train, embed]) expect(await (await fetch(`${rest}/metrics`)).text()).toContain("dak_");
});

/** The first answer that is no 404. */
async function untilServed(): Promise<Response> {
	for (;;) {
		const answer = await post(`${embed.rest}/embed`, { inputs: TEXTS[0], adapter: "parts" });
		if (answer.status !== 404) return answer;
		await new Promise((wake) => setTimeout(wake, 100));
	}
}

test("Ctrl-C ends both services with code 0", async () => {
	const ended = new Promise((resolve) => child.once("exit", resolve));
	child.kill("SIGINT");
	expect(await ended).toBe(0);
	await expect(fetch(`${embed.rest}/health`)).rejects.toThrow();
	await expect(fetch(`${train.rest}/healthz`)).rejects.toThrow();
});
