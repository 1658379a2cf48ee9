import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { dak } from "../testing/run.js";
import { checkGpu } from "./engine.js";
import type { Finding } from "./finding.js";
import { checkDisk, checkNode } from "./machine.js";
import { checkPorts } from "./ports.js";
import { checkRedis } from "./redis.js";

async function listening(onData: (text: string) => string | undefined = () => undefined): Promise<number> {
	const server = createServer((socket) => {
		socket.on("error", () => {});
		socket.on("data", (piece) => {
			const answer = onData(String(piece));
			if (answer !== undefined) socket.write(answer);
		});
	});
	await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
	onTestFinished(() => void server.close());
	return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await new Promise((ready) => server.once("listening", ready));
	const { port } = server.address() as AddressInfo;
	await new Promise((closed) => server.close(closed));
	return port;
}

test("doctor looks at everything, and says what to do where something is wrong", async () => {
	const taken = await listening();
	const env = {
		DAK_MODELS_DIR: process.env.DAK_TEST_MODELS,
		DAK_TRAIN_PORT: String(taken),
		DAK_EMBED_PORT: String(await freePort()),
		DAK_EMBED_GRPC_PORT: String(await freePort()),
		HF_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
	};
	const { code, out } = await dak(["doctor", "--json"], env);
	const findings = Object.fromEntries((JSON.parse(out) as Finding[]).map((finding) => [finding.check, finding]));
	expect(Object.keys(findings)).toEqual([
		"Node.js",
		"configuration",
		"memory",
		"disk",
		"ONNX Runtime",
		"GPU",
		"base model",
		"model hub",
		"Redis",
		"train-service",
		"embed-service",
	]);
	expect(code).toBe(1);
	expect(findings["train-service"]).toMatchObject({ status: "fail", advice: expect.stringContaining("DAK_TRAIN_PORT") });
	expect(findings["model hub"]).toMatchObject({ status: "warn", found: expect.stringContaining("ECONNREFUSED") });
	for (const name of ["base model", "ONNX Runtime", "Redis", "embed-service"]) expect(findings[name], name).toMatchObject({ status: "ok" });
});

test("a configuration that cannot be read does not end the examination", async () => {
	const { code, out } = await dak(["doctor"], { DAK_TRAIN_PORT: "http" });
	expect(code).toBe(1);
	expect(out).toMatch(/✗ configuration {2}.*DAK_TRAIN_PORT/);
	expect(out).toMatch(/\d+ in order, \d+ to look at, \d+ to mend\n$/);
});

test("an old Node.js is refused, by minor version too", () => {
	expect([checkNode("18.20.0"), checkNode("20.11.1"), checkNode("20.12.0"), checkNode("24.0.0")].map(({ status }) => status)).toEqual([
		"fail",
		"fail",
		"ok",
		"ok",
	]);
});

test("a folder that is not there yet counts by the one above it", () => {
	expect(checkDisk(join(tmpdir(), "not", "there", "yet"))).toMatchObject({ status: expect.stringMatching(/ok|warn/) });
});

test("a card without the CUDA provider is told, and how to use it; one that is asked for and missing fails", async () => {
	const folder = mkdtempSync(join(tmpdir(), "dak-gpu-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const smi = join(folder, "nvidia-smi");
	writeFileSync(smi, "#!/bin/sh\necho 'NVIDIA L4, 550.54.15, 23034 MiB'\n");
	chmodSync(smi, 0o755);
	expect(await checkGpu({ DAK_DEVICE: "auto" }, smi)).toMatchObject({
		found: expect.stringContaining("NVIDIA L4, 23034 MiB, driver 550.54.15"),
	});
	expect(await checkGpu({ DAK_DEVICE: "cuda" }, join(folder, "none"))).toMatchObject({ status: "fail" });
});

const redisServer = spawnSync("redis-server", ["--version"]).status === 0;

test.skipIf(!redisServer)("a real Redis answers, with and without its password", async () => {
	const port = await freePort();
	const redis = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--requirepass", "s3cret", "--save", ""], {
		stdio: "ignore",
	});
	onTestFinished(() => void redis.kill("SIGKILL"));
	await vi.waitFor(async () => expect(await checkRedis(`redis://:s3cret@127.0.0.1:${port}`)).toMatchObject({ status: "ok" }), 10_000);
	const refused = await checkRedis(`redis://127.0.0.1:${port}`);
	expect(refused).toMatchObject({ status: "fail", found: expect.stringContaining("NOAUTH") });
	const wrong = await checkRedis(`redis://:other@127.0.0.1:${port}`);
	expect(wrong).toMatchObject({ status: "fail", found: expect.stringContaining("WRONGPASS") });
	expect(JSON.stringify([refused, wrong])).not.toContain("other");
});

test("no Redis at an address is told by it, and a wrong address by what is allowed", async () => {
	expect(await checkRedis(`redis://127.0.0.1:${await freePort()}`)).toMatchObject({
		status: "fail",
		found: expect.stringContaining("ECONNREFUSED"),
	});
	expect(await checkRedis("http://x")).toMatchObject({ status: "fail", advice: expect.stringContaining("redis://") });
	expect(await checkRedis(undefined)).toMatchObject({ status: "ok" });
});

test("a port that another program holds is not taken for ours", async () => {
	const ports = { service: "s", variables: "X and Y", grpc: await freePort() };
	const web = await listening(() => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
	expect(await checkPorts("127.0.0.1", { ...ports, rest: web })).toMatchObject({
		status: "fail",
		found: expect.stringContaining(String(web)),
	});
	expect(await checkPorts("127.0.0.1", { ...ports, rest: await freePort() })).toMatchObject({ status: "ok" });
});
