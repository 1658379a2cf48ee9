import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { downloadFile } from "./download.js";
import { bringModel, checkModelCanBeBrought, type ModelSources, pullModel } from "./index.js";
import { withLock } from "./lock.js";
import { type HubFile, HubServer } from "./testing/hub-server.js";
import { writeTinyModel } from "./testing/tiny-model.js";

let folder: string;
let modelsDir: string;
let server: HubServer;
let endpoint: string;
let sources: ModelSources;

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "dak-models-"));
	modelsDir = join(folder, "models");
	server = new HubServer();
	endpoint = await server.start();
	server.models.set("org/tiny", hubFiles());
	sources = { modelsDir, hub: { endpoint } };
});
afterEach(async () => {
	await server.stop();
	rmSync(folder, { recursive: true });
});

const WEIGHTS = randomBytes(300_000);

function hubFiles(): Record<string, HubFile> {
	const source = writeTinyModel(join(folder, "source"));
	const small = ["config.json", "tokenizer.json", "tokenizer_config.json", "1_Pooling/config.json"];
	const read = (name: string): [string, HubFile] => [name, { content: readFileSync(join(source, name)) }];
	return {
		...Object.fromEntries(small.map(read)),
		"model.safetensors": { content: WEIGHTS, large: true },
		"pytorch_model.bin": { content: Buffer.from("a pickle"), large: true },
		"onnx/model.onnx": { content: Buffer.from("a graph"), large: true },
		"../escape/config.json": { content: Buffer.from("{}") },
	};
}

const below = (path: string) => readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
const weightsAt = (name: string) => readFileSync(join(modelsDir, name, "model.safetensors"));

describe("a model of the hub", () => {
	test("arrives whole, with the files that are read and no others, and is found from then on", async () => {
		const lines: string[] = [];
		const found = await bringModel("org/tiny", { ...sources, onProgress: (line) => lines.push(line) });
		expect(found).toEqual({ ref: "org/tiny", path: join(modelsDir, "org", "tiny"), source: "hub" });
		expect(below(found.path)).toEqual(
			["1_Pooling", "1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"].sort(),
		);
		expect(weightsAt("org/tiny").equals(WEIGHTS)).toBe(true);
		expect(lines.at(-1)).toContain("fetched 0 of 0 MB");
		expect((await bringModel("org/tiny", sources)).source).toBe("local");
		expect(readdirSync(join(modelsDir, ".fetching"))).toEqual([]);
	});

	test("goes on where the connection broke off", async () => {
		server.breakAfter.push(100_000, 50_000);
		await pullModel("org/tiny", sources);
		expect(server.fetchesOf("model.safetensors").map(({ range }) => range)).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
		expect(weightsAt("org/tiny").equals(WEIGHTS)).toBe(true);
	}, 20_000);

	test("goes on in a later run with what an earlier one left", async () => {
		const hash = { kind: "sha256", hex: createHash("sha256").update(WEIGHTS).digest("hex") } as const;
		const file = { path: "w", url: `${endpoint}/org/tiny/resolve/main/model.safetensors`, bytes: WEIGHTS.length, hash };
		const target = join(folder, "w");
		server.breakAfter.push(10_000, 0, 0, 0, 0);
		await expect(downloadFile(file, target, { retryMs: 1 })).rejects.toMatchObject({
			reason: "UNAVAILABLE",
			message: expect.stringContaining("10000 of 300000 bytes are kept"),
		});
		expect(existsSync(target)).toBe(false);
		let bytes = 0;
		const add = (count: number) => {
			bytes += count;
		};
		await downloadFile(file, target, { onBytes: add });
		expect(server.fetchesOf("model.safetensors").at(-1)?.range).toBe("bytes=10000-");
		expect(readFileSync(target).equals(WEIGHTS)).toBe(true);
		expect(bytes).toBe(WEIGHTS.length);
	});

	test("starts again from a server that knows no ranges", async () => {
		server.knowsRanges = false;
		server.breakAfter.push(100_000);
		await pullModel("org/tiny", sources);
		expect(weightsAt("org/tiny").equals(WEIGHTS)).toBe(true);
	}, 20_000);

	test.each(["model.safetensors", "config.json"])(
		"with a %s that is not what the hub lists is refused, and nothing appears",
		async (path) => {
			const files = hubFiles();
			server.models.set("org/tiny", { ...files, [path]: { ...files[path]!, listedHash: "0".repeat(path === "config.json" ? 40 : 64) } });
			await expect(pullModel("org/tiny", sources)).rejects.toMatchObject({
				reason: "INVALID_MODEL",
				message: expect.stringContaining(path),
			});
			expect(existsSync(join(modelsDir, "org", "tiny"))).toBe(false);
			expect(below(modelsDir).filter((name) => name.includes(".partial"))).toEqual([]);
		},
	);

	test("with a hash that would name another path is refused", async () => {
		const files = hubFiles();
		server.models.set("org/tiny", { ...files, "config.json": { ...files["config.json"]!, listedHash: "../../../../evil" } });
		await expect(pullModel("org/tiny", sources)).rejects.toMatchObject({ message: expect.stringContaining("no hash for config.json") });
	});

	test("without safetensors is refused before anything is fetched", async () => {
		const { "model.safetensors": _, ...rest } = hubFiles();
		server.models.set("org/tiny", rest);
		const refusal = { reason: "INVALID_MODEL", message: expect.stringMatching(/no model\.safetensors.*safetensors only/) };
		await expect(pullModel("org/tiny", sources)).rejects.toMatchObject(refusal);
		await expect(checkModelCanBeBrought("org/tiny", sources)).rejects.toMatchObject(refusal);
		expect(server.requests.filter(({ path }) => path.includes("/resolve/"))).toEqual([]);
	});
});

describe("a token", () => {
	test("is sent to the hub, and to no host that it refers to", async () => {
		const storage = new HubServer();
		server.redirectTo = await storage.start();
		storage.models.set("org/tiny", hubFiles());
		server.token = "secret-of-a-private-hub";
		await pullModel("org/tiny", { modelsDir, hub: { endpoint, token: "secret-of-a-private-hub" } });
		expect(server.requests.every(({ authorization }) => authorization === "Bearer secret-of-a-private-hub")).toBe(true);
		expect(storage.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
		await storage.stop();
	});

	test("that is missing or wrong is asked for, and never shown", async () => {
		server.token = "right";
		await expect(pullModel("org/tiny", sources)).rejects.toMatchObject({
			reason: "MODEL_NOT_FOUND",
			message: expect.stringMatching(/answered 401.*needs a token \(HF_TOKEN\)/),
		});
		const wrong = pullModel("org/tiny", { modelsDir, hub: { endpoint, token: "wrong-one" } });
		await expect(wrong).rejects.toMatchObject({ message: expect.stringMatching(/another token than the one in HF_TOKEN/) });
		await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining("wrong-one") });
	});
});

describe("a model that is not to be had is refused with all that was tried", () => {
	test("the hub does not know it", async () => {
		for (const attempt of [pullModel("org/none", sources), checkModelCanBeBrought("org/none", sources)]) {
			await expect(attempt).rejects.toMatchObject({
				reason: "MODEL_NOT_FOUND",
				message: expect.stringMatching(/tried: folder .*org\/none; .*org\/none: http:\/\/127\.0\.0\.1:\d+ has no such model/),
			});
		}
		expect(below(modelsDir)).toEqual([".fetching"]);
	});

	test("no hub is reached", async () => {
		await server.stop();
		await expect(pullModel("org/tiny", sources)).rejects.toMatchObject({
			reason: "MODEL_NOT_FOUND",
			message: expect.stringContaining("could not be reached"),
		});
		server = new HubServer();
		await server.start();
	});

	test("it is no name", async () => {
		await expect(pullModel("../x", sources)).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
		await expect(checkModelCanBeBrought("../x", sources)).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
		expect(server.requests).toEqual([]);
	});

	test("a folder of its name holds something else", async () => {
		mkdirSync(join(modelsDir, "org", "tiny"), { recursive: true });
		await expect(pullModel("org/tiny", sources)).rejects.toMatchObject({ reason: "INVALID_MODEL" });
	});
});

test("two that ask for a model at the same time fetch it once", async () => {
	const [first, second] = await Promise.all([bringModel("org/tiny", sources), bringModel("org/tiny", sources)]);
	expect([first.source, second.source].sort()).toEqual(["hub", "local"]);
	expect(server.fetchesOf("model.safetensors")).toHaveLength(1);
});

test("a lock that a killed process left is taken over", async () => {
	const path = join(folder, "lock");
	writeFileSync(path, "");
	utimesSync(path, 1, 1);
	expect(await withLock(path, async () => "done")).toBe("done");
	expect(existsSync(path)).toBe(false);
});
