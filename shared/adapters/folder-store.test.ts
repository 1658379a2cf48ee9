import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	renameSync,
	rmSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FolderArtifactStore, readAdapter, WEIGHTS_FILE } from "./index.js";
import { writeSmallAdapter } from "./testing/adapter-folder.js";
import { describeArtifactStore } from "./testing/artifact-store-conformance.js";

describeArtifactStore("a folder", () => {
	const root = mkdtempSync(join(tmpdir(), "dak-store-"));
	return {
		store: new FolderArtifactStore(root),
		other: () => new FolderArtifactStore(root),
		dispose: () => rmSync(root, { recursive: true, force: true }),
	};
});

describe("a folder of adapters", () => {
	let root: string;
	let store: FolderArtifactStore;
	beforeEach(() => {
		root = mkdtempSync(join(tmpdir(), "dak-store-"));
		store = new FolderArtifactStore(join(root, "store"));
	});
	afterEach(() => rmSync(root, { recursive: true, force: true }));
	const inStore = (...parts: string[]) => join(root, "store", ...parts);

	function publish(seed: number) {
		const staged = store.stage("job");
		writeSmallAdapter(staged, { seed });
		return store.publishAdapter("a", staged);
	}

	it("names a version by time and content, and goes on upwards when the clock was set back", async () => {
		const now = vi.spyOn(Date, "now").mockReturnValue(2_000_000);
		const first = await publish(1);
		now.mockReturnValue(1_000_000);
		const second = await publish(1);
		now.mockRestore();
		expect(first.version).toMatch(/^00000002000000-[0-9a-f]{12}$/);
		expect(second.version).toMatch(/^00000002000001-/);
		expect((await store.resolveAdapter("a")).version).toBe(second.version);
	});

	it("leaves nothing in staging after publishing", async () => {
		await publish(1);
		expect(readdirSync(inStore(".staging"))).toEqual([]);
	});

	it("says that storage failed, and lists nothing, when a folder cannot be moved in", async () => {
		const staged = store.stage("job");
		writeSmallAdapter(staged);
		writeFileSync(inStore("adapters", "a"), "a file in the way");
		await expect(store.publishAdapter("a", staged)).rejects.toThrowError(
			expect.objectContaining({ reason: "STORAGE_FAILED", message: expect.not.stringContaining(inStore("adapters")) }),
		);
		expect(await store.listAdapters()).toEqual([]);
		expect(existsSync(staged)).toBe(true);
	});

	it("serves a folder placed by hand until something is published under its name", async () => {
		writeSmallAdapter(inStore("adapters", "a", "v1"));
		expect((await store.resolveAdapter("a")).source).toBe(join("adapters", "a", "v1"));
		const published = await publish(1);
		expect(await store.resolveAdapter("a")).toEqual(published);
	});

	it("takes a folder placed by hand for another version once its weights are whole, and tells its watcher", async () => {
		writeSmallAdapter(join(root, "whole"));
		cpSync(join(root, "whole"), inStore("adapters", "a", "v1"), { recursive: true });
		truncateSync(inStore("adapters", "a", "v1", WEIGHTS_FILE), 100);
		const half = await store.resolveAdapter("a");
		const path = await store.resolvePath(half.source);
		const onChange = vi.fn();
		const stop = store.watch(onChange);
		cpSync(join(root, "whole", WEIGHTS_FILE), join(path, WEIGHTS_FILE));
		await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), 5000);
		stop();
		expect((await store.resolveAdapter("a")).version).not.toBe(half.version);
		expect(readAdapter(path, { name: "a", maxRank: 2 }).r).toBe(2);
	});

	it("tells its watcher when an adapter is removed, and goes on watching when the whole store was moved away and back", async () => {
		const path = await store.resolvePath((await publish(1)).source);
		const names: string[][] = [];
		const stop = store.watch(async () => names.push((await store.listAdapters()).map(({ name }) => name)));
		rmSync(path, { recursive: true });
		await vi.waitFor(() => expect(names.at(-1)).toEqual([]), 5000);
		renameSync(inStore(), join(root, "moved"));
		await new Promise((resolve) => setTimeout(resolve, 100));
		renameSync(join(root, "moved"), inStore());
		await publish(2);
		await vi.waitFor(() => expect(names.at(-1)).toEqual(["a"]), 5000);
		stop();
	});

	it("does not follow links out of its root: as a name, a version, a folder or a single file", async () => {
		writeSmallAdapter(join(root, "outside"));
		mkdirSync(inStore("adapters", "b"));
		symlinkSync(join(root, "outside"), inStore("adapters", "b", "v1"));
		symlinkSync(root, inStore("adapters", "c"));
		writeSmallAdapter(inStore("mixed"));
		rmSync(inStore("mixed", WEIGHTS_FILE));
		symlinkSync(join(root, "outside", WEIGHTS_FILE), inStore("mixed", WEIGHTS_FILE));
		expect(await store.listAdapters()).toEqual([]);
		for (const path of ["adapters/b/v1", "adapters/c/outside", "mixed"])
			await expect(store.resolvePath(path)).rejects.toThrowError(expect.objectContaining({ reason: "PERMISSION_DENIED" }));
	});

	it("lists no folder whose name no adapter can have", async () => {
		writeSmallAdapter(inStore("adapters", ".hidden", "v1"));
		expect(await store.listAdapters()).toEqual([]);
	});

	it.each(["..", "../x", "", "a/b"])("will not stage under %j", (id) => {
		expect(() => store.stage(id)).toThrow();
		expect(() => store.discard(id)).toThrow();
	});
});
