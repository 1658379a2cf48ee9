/** The examples as a reader runs them, against both services as built; an adapter is trained by the first one. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
let folder: string;
let services: ChildProcess;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "dak-examples-"));
	const ports = { DAK_TRAIN_PORT: "0", DAK_TRAIN_GRPC_PORT: "0", DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" };
	const own = { ...ports, DAK_DATA_DIR: folder, DAK_MODELS_DIR: process.env.DAK_TEST_MODELS, DAK_THREADS: "1", DAK_LOG_LEVEL: "error" };
	services = spawn(process.execPath, [join(root, "services/cli/dist/main.js"), "up", "--json"], {
		env: { ...process.env, ...own },
		stdio: ["ignore", "pipe", "inherit"],
	});
	for await (const line of createInterface({ input: services.stdout! })) {
		const { train, embed } = JSON.parse(line) as Record<"train" | "embed", { rest: number; grpc: number }>;
		env = {
			...process.env,
			DAK_TRAIN_URL: `http://127.0.0.1:${train.rest}`,
			DAK_EMBED_URL: `http://127.0.0.1:${embed.rest}`,
			DAK_TRAIN_GRPC: `127.0.0.1:${train.grpc}`,
			DAK_EMBED_GRPC: `127.0.0.1:${embed.grpc}`,
			DAK_ADAPTER: "example",
		};
		break;
	}
	const texts = join(folder, "titles.txt");
	writeFileSync(texts, Array.from({ length: 24 }, (_, i) => `${["hex bolt", "ball valve", "o-ring"][i % 3]} M${4 + i} steel`).join("\n"));
	const trained = run(process.execPath, "examples/client.mjs", texts, "2");
	expect(trained).toMatch(/24 texts uploaded\n[\s\S]*step 2\/2, loss \d+\.\d{3}\n[\s\S]*succeeded\nbase\n/);
	expect(trained).toMatch(/\nexample\n {2}\d\.\d{4} {2}\w/);
}, 120_000);

afterAll(async () => {
	const ended = new Promise((resolve) => services.once("exit", resolve));
	services.kill("SIGINT");
	await ended;
	rmSync(folder, { recursive: true });
});

const run = (command: string, ...args: string[]): string =>
	execFileSync(command, args, { cwd: root, env, encoding: "utf8", timeout: 100_000 });

test("OpenAI's client sees adapters as models", () => {
	const out = run(process.execPath, "examples/openai.mjs");
	expect(out).toMatch(/^models: all-MiniLM-L6-v2, example\nall-MiniLM-L6-v2, \d+ tokens\n {2}0\.\d{4} {2}\w/);
	expect(out).toMatch(/\nexample, \d+ tokens\n {2}0\.\d{4} {2}\w/);
});

test("LangChain.js embeds through it, with the vectors that OpenAI's client gets", () => {
	const scores = (text: string) => text.match(/\d\.\d{4}/g);
	const out = run(process.execPath, "examples/langchain.mjs");
	expect(out).toMatch(/^all-MiniLM-L6-v2\n[\s\S]*\nexample\n/);
	expect(scores(out)).toEqual(scores(run(process.execPath, "examples/openai.mjs")));
});

/** Whether PostgreSQL listens where the example looks. */
const postgres = await new Promise<boolean>((resolve) => {
	const { hostname, port } = new URL(process.env.DATABASE_URL ?? "postgres://127.0.0.1:5432");
	const socket = connect({ host: hostname, port: Number(port || 5432) });
	socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
	socket.once("connect", () => socket.destroy());
});

test.skipIf(!postgres)("PostgreSQL searches before and after the adapter", () => {
	const out = run(process.execPath, "examples/postgres.mjs");
	expect(out).toMatch(/^with(out)? pgvector[\s\S]*\nbefore: base\n {2}0\.\d{4} {2}\w[\s\S]*\nafter: example\n {2}0\.\d{4} {2}\w/);
});

/** A Python that has the modules; DAK_TEST_PYTHON names one. */
const pythonWith = (...modules: string[]): string | undefined =>
	[process.env.DAK_TEST_PYTHON, "python3", join(homedir(), ".cache/dak/peers/bin/python")].find(
		(python) => python !== undefined && spawnSync(python, ["-c", `import ${modules.join(", ")}`]).status === 0,
	);

const withRequests = pythonWith("requests");

test.skipIf(!withRequests)("Python asks over REST (pip install requests)", () => {
	const out = run(withRequests!, "examples/rest.py");
	expect(out).toMatch(/^base\n {2}0\.\d{4} {2}\w[\s\S]*384 dimensions\nexample@\d+\n/);
	expect(
		spawnSync(withRequests!, ["examples/rest.py"], { cwd: root, env: { ...env, DAK_ADAPTER: "nobody" }, encoding: "utf8" }).stderr,
	).toContain("answered 404");
});

const withHub = pythonWith("huggingface_hub", "numpy");

test.skipIf(!withHub)("Python asks through huggingface_hub (pip install huggingface-hub)", () => {
	const out = run(withHub!, "examples/huggingface.py");
	expect(out).toMatch(/^base\n {2}0\.\d{4} {2}\w[\s\S]*\(3, 384\)\nexample\n {2}0\.\d{4}[\s\S]*\(3, 384\)\n$/);
});

const withGrpc = pythonWith("grpc", "grpc_reflection");

test.skipIf(!withGrpc)("Python asks over gRPC by reflection (pip install grpcio grpcio-reflection)", () => {
	const out = run(withGrpc!, "examples/grpc_embed.py");
	expect(out).toMatch(
		/^services: .*dak\.v1\.EmbedService[\s\S]*\nexample@\d+\n {2}0\.\d{4}[\s\S]*\nbase\n {2}0\.\d{4}[\s\S]*\nNOT_FOUND: /,
	);
});
