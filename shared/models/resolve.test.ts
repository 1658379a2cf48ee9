import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listModels, resolveModel } from "./index.js";
import { writeTinyModel } from "./testing/tiny-model.js";

let folder: string;
let modelsDir: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-models-"));
	modelsDir = join(folder, "models");
});
afterEach(() => rmSync(folder, { recursive: true }));

const REVISION = "8b3219a92973c328a8e22fadcfa821b5dc75636a";

/** A hub cache as Python's library leaves it: blobs, and snapshots that point at them. */
function writeHubCache(organisation: string, name: string): string {
	const cache = join(folder, "hub");
	const model = join(cache, `models--${organisation}--${name}`);
	writeTinyModel(join(model, "blobs"));
	mkdirSync(join(model, "refs"), { recursive: true });
	mkdirSync(join(model, "snapshots", REVISION), { recursive: true });
	writeFileSync(join(model, "refs", "main"), `${REVISION}\n`);
	for (const file of ["config.json", "model.safetensors", "tokenizer.json"]) {
		symlinkSync(join("..", "..", "blobs", file), join(model, "snapshots", REVISION, file));
	}
	return cache;
}

describe("a model below the models directory", () => {
	test.each(["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])("is found as %s", async (ref) => {
		const path = writeTinyModel(join(modelsDir, "all-MiniLM-L6-v2"));
		expect(await resolveModel(ref, { modelsDir })).toEqual({ ref, path, source: "local" });
	});

	test("is found in its organisation's folder", async () => {
		const path = writeTinyModel(join(modelsDir, "intfloat", "e5"));
		expect((await resolveModel("intfloat/e5", { modelsDir })).path).toBe(path);
		await expect(resolveModel("e5", { modelsDir })).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
		await expect(resolveModel("other/e5", { modelsDir })).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
	});

	test("comes before the hub cache", async () => {
		writeTinyModel(join(modelsDir, "e5"));
		const hubCache = writeHubCache("sentence-transformers", "e5");
		expect((await resolveModel("e5", { modelsDir, hubCache })).source).toBe("local");
	});

	test("is listed, and half-fetched ones are not", () => {
		writeTinyModel(join(modelsDir, "a"));
		writeTinyModel(join(modelsDir, "org", "b"));
		writeTinyModel(join(modelsDir, ".fetching", "c"));
		mkdirSync(join(modelsDir, "empty"));
		expect(listModels(modelsDir).sort()).toEqual(["a", "org/b"]);
		expect(listModels(join(folder, "nowhere"))).toEqual([]);
	});
});

describe("the hub cache shared with Python", () => {
	test("is read in place by the revision that main points to", async () => {
		const hubCache = writeHubCache("intfloat", "e5");
		const found = await resolveModel("intfloat/e5", { modelsDir, hubCache });
		expect(found).toEqual({
			ref: "intfloat/e5",
			path: join(hubCache, "models--intfloat--e5", "snapshots", REVISION),
			source: "hub-cache",
		});
	});

	test.each(["../../../elsewhere", "", "main"])("with refs/main holding %j is passed over", async (revision) => {
		const hubCache = writeHubCache("intfloat", "e5");
		writeFileSync(join(hubCache, "models--intfloat--e5", "refs", "main"), revision);
		await expect(resolveModel("intfloat/e5", { modelsDir, hubCache })).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
	});

	test("with a snapshot that lacks the weights is passed over", async () => {
		const hubCache = writeHubCache("intfloat", "e5");
		rmSync(join(hubCache, "models--intfloat--e5", "snapshots", REVISION, "model.safetensors"));
		await expect(resolveModel("intfloat/e5", { modelsDir, hubCache })).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
	});
});

describe("paths", () => {
	test("are taken only where they are allowed", async () => {
		const path = writeTinyModel(join(folder, "mine"));
		expect(await resolveModel(path, { allowPaths: true })).toEqual({ ref: path, path, source: "local" });
		await expect(resolveModel(path, { modelsDir })).rejects.toMatchObject({
			reason: "MODEL_NOT_FOUND",
			message: expect.stringContaining("paths are not allowed here"),
		});
	});

	test.each(["../mine", "..", ".", "a/../../mine", "a/b/c", "/etc", "", "a\0b", ".fetching", "-x", "a\\..\\mine"])(
		"%j leads nowhere where they are not allowed",
		async (ref) => {
			writeTinyModel(join(folder, "mine"));
			writeTinyModel(modelsDir);
			await expect(resolveModel(ref, { modelsDir })).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND" });
		},
	);
});

test("a model that is nowhere is refused with the places looked at", async () => {
	await expect(resolveModel("org/none", { modelsDir, hubCache: join(folder, "hub") })).rejects.toMatchObject({
		reason: "MODEL_NOT_FOUND",
		message: expect.stringMatching(/"org\/none" was not found; tried: folder .*org\/none; hub cache .*hub/),
	});
});
