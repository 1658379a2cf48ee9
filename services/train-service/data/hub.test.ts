import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HubServer } from "../../../shared/models/testing/hub-server.js";
import { jobSettingsSchema } from "../jobs/index.js";
import { createReaders, Datasets } from "./index.js";
import { chooseHubFiles } from "./source.js";

const BASE = { ref: "all-MiniLM-L6-v2", folder: join(process.env.DAK_TEST_MODELS!, "all-MiniLM-L6-v2"), maxLength: 64 };
const readers = createReaders();
const server = new HubServer();
let root: string;
let endpoint: string;
beforeEach(async () => {
	root = mkdtempSync(join(tmpdir(), "dak-hub-data-"));
	endpoint = await server.start();
});
afterEach(async () => {
	await server.stop();
	rmSync(root, { recursive: true });
});

function datasets(maxUploadBytes = 1_000_000): Datasets {
	const hub = { hub: { endpoint }, hubCache: join(root, "hub-cache") };
	return new Datasets({
		hubFolder: join(root, "state", "hub-datasets"),
		alone: true,
		folder: join(root, "state", "datasets"),
		dataRoot: join(root, "data"),
		hub,
		maxUploadBytes,
		maxTextBytes: 1000,
		readers,
	});
}

async function texts(hub: string): Promise<string[]> {
	const outputs = { texts: join(root, "out.jsonl"), validation: join(root, "held-out.jsonl") };
	await datasets().prepare(jobSettingsSchema.parse({ base_model: BASE.ref, dataset: { hub } }), BASE, outputs);
	const lines = readFileSync(outputs.texts, "utf8").trimEnd().split("\n");
	return lines.map((line) => JSON.parse(line) as string);
}

test("a data set of the hub is fetched once, checked by its hash, and read", async () => {
	server.datasets.set("acme/titles", {
		"README.md": { content: Buffer.from("# Titles") },
		"data/train.csv.gz": { content: gzipSync("text\nred hat\nblue hat\n"), large: true },
		"data/test.csv": { content: Buffer.from("text\nheld out\n") },
	});
	expect(await texts("acme/titles")).toEqual(["red hat", "blue hat"]);
	expect(await texts("acme/titles")).toEqual(["red hat", "blue hat"]);
	expect(server.requests.filter(({ path }) => path.startsWith("/datasets/acme/titles/resolve"))).toHaveLength(1);
});

test("what this machine's Python programs have is read in place", async () => {
	const snapshot = join(root, "hub-cache", "datasets--acme--cached", "snapshots", "a".repeat(40));
	for (const folder of [snapshot, join(root, "hub-cache", "datasets--acme--cached", "refs")]) mkdirSync(folder, { recursive: true });
	writeFileSync(join(snapshot, "..", "..", "refs", "main"), "a".repeat(40));
	writeFileSync(join(snapshot, "..", "..", "blob"), "red hat\nblue hat\n");
	symlinkSync(join("..", "..", "blob"), join(snapshot, "train.txt"));
	expect(await texts("acme/cached")).toEqual(["red hat", "blue hat"]);
});

describe("what cannot be had is refused before the job is taken", () => {
	test.each([
		["an unknown one", "acme/none", "DATASET_NOT_FOUND", "has no such dataset"],
		["no name", "titles", "INVALID_DATASET", "owner/name"],
		["a path out of it", "acme/titles/../../x", "INVALID_DATASET", "owner/name"],
		["one without data", "acme/pictures", "INVALID_DATASET", "no file that can be read (1 of other kinds)"],
		["one that is too large", "acme/large", "INVALID_DATASET", "allowed: 1000000"],
	])("%s", async (_, hub, reason, says) => {
		server.datasets.set("acme/pictures", { "a.png": { content: Buffer.from("x") }, "../../evil.txt": { content: Buffer.from("x") } });
		server.datasets.set("acme/large", { "train.txt": { content: Buffer.alloc(1_100_000, "a\n"), large: true } });
		await expect(datasets().inspect({ hub }, {})).rejects.toMatchObject({ reason, message: expect.stringContaining(says) });
	});

	test("and a hub that cannot be reached is named", async () => {
		await server.stop();
		await expect(datasets().inspect({ hub: "acme/titles" }, {})).rejects.toMatchObject({
			reason: "DATASET_NOT_FOUND",
			message: expect.stringContaining(`${endpoint} could not be reached`),
		});
		endpoint = await server.start();
	});
});

test("of a data set's files the training split's are read", () => {
	const shards = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
	expect(chooseHubFiles([...shards, "data/test-00000-of-00001.parquet", "README.md"])).toEqual(shards);
	expect(chooseHubFiles(["corpus.jsonl", "dev.jsonl", "requirements.txt", ".gitattributes"])).toEqual(["corpus.jsonl"]);
	expect(chooseHubFiles(["constraints.txt", "a.csv"])).toEqual(["constraints.txt", "a.csv"]);
});
