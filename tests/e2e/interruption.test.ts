/** `npm start` and `npm run demo` where something ends them early: nothing may stay behind. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const dist = join(import.meta.dirname, "../../services/cli/dist");
const FREE_PORTS = { DAK_TRAIN_PORT: "0", DAK_TRAIN_GRPC_PORT: "0", DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" };

let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-end-"));
});
afterEach(() => {
	child?.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});

interface Program {
	/** All that it has printed. */
	output(): string;
	/** Waits for a pattern in its output. */
	until(pattern: RegExp): Promise<RegExpExecArray>;
	readonly code: Promise<number | null>;
}

function run(file: string, env: Record<string, string> = {}): Program {
	const own = { DAK_DATA_DIR: folder, DAK_MODELS_DIR: process.env.DAK_TEST_MODELS!, DAK_THREADS: "1", ...FREE_PORTS, ...env };
	const started = spawn(process.execPath, [join(dist, file)], { env: { ...process.env, ...own }, stdio: ["ignore", "pipe", "pipe"] });
	child = started;
	let output = "";
	const code = new Promise<number | null>((resolve) => started.once("close", resolve));
	for (const stream of [started.stdout, started.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
	const until = async (pattern: RegExp) => {
		for (;;) {
			const found = pattern.exec(output);
			if (found) return found;
			if (started.exitCode !== null) throw new Error(`ended with code ${started.exitCode} before ${pattern}:\n${output}`);
			await new Promise((wake) => setTimeout(wake, 20));
		}
	};
	return { output: () => output, until, code };
}

/** The process that another has started, by its command line. */
function childOf(parent: number, name: string): number {
	const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
	const row = rows
		.map((line) => line.trim().split(/\s+/))
		.find(([, ppid, ...args]) => Number(ppid) === parent && args.join(" ").includes(name));
	return Number(row![0]);
}

test("a port that is taken is named, and the other service does not stay behind", async () => {
	const taken = createServer().listen(0, "127.0.0.1");
	await new Promise((ready) => taken.once("listening", ready));
	const { port } = taken.address() as { port: number };
	const start = run("start.js", { DAK_TRAIN_PORT: String(port) });
	expect(await start.code).toBe(1);
	expect(start.output()).toMatch(new RegExp(`fatal train-service .*${port}`));
	expect(start.output()).toContain("not started: train-service ended with code 1");
	taken.close();
});

test("a signal while the services start ends them, with code 0", async () => {
	const start = run("start.js");
	// Both processes are there; neither has said yet that it is ready.
	await new Promise((wake) => setTimeout(wake, 400));
	child!.kill("SIGTERM");
	expect(await start.code).toBe(0);
	expect(start.output()).not.toContain("Ctrl-C ends both");
});

test("a service that dies takes the other down, and the exit code says so", async () => {
	const start = run("start.js");
	const [, url] = await start.until(/^train-service {2}REST (\S+)/m);
	await start.until(/Ctrl-C/);
	process.kill(childOf(child!.pid!, "embed-service"), "SIGKILL");
	expect(await start.code).toBe(1);
	expect(start.output()).toContain("embed-service ended by SIGKILL; ending the other");
	await expect(fetch(`${url}/healthz`)).rejects.toThrow();
});

test("Ctrl-C in the demo's training ends it and both services", async () => {
	const demo = run("demo/main.js");
	await demo.until(/1\/\d+ {2}loss/);
	child!.kill("SIGINT");
	expect(await demo.code).toBe(130);
	expect(demo.output()).toContain("interrupted; ending both services");
});

test("a demo that cannot write its result says so before it trains", async () => {
	const started = spawn(process.execPath, [join(dist, "demo/main.js"), "--json", join(folder, "not", "there.json")], { stdio: "pipe" });
	child = started;
	let output = "";
	started.stdout.on("data", (chunk: Buffer) => (output += chunk));
	expect(await new Promise((resolve) => started.once("close", resolve))).toBe(1);
	expect(output).toMatch(/^the demo failed: --json: found no folder to write .*there\.json to\n$/);
});
