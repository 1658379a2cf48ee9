/** What every ArtifactStore must do, whatever it keeps its adapters in. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ArtifactStore, readAdapter } from "../index.js";
import { writeSmallAdapter } from "./adapter-folder.js";

export interface StoreUnderTest {
	readonly store: ArtifactStore;
	/** The same artifacts, seen by another process. */
	readonly other: () => ArtifactStore;
	readonly dispose: () => void;
}

export function describeArtifactStore(kind: string, create: () => StoreUnderTest): void {
	describe(`${kind} as an artifact store`, () => {
		let tested: StoreUnderTest;
		let store: ArtifactStore;
		beforeEach(() => {
			tested = create();
			store = tested.store;
		});
		afterEach(() => tested.dispose());

		function publish(name: string, seed = 1) {
			const staged = store.stage("job_1");
			writeSmallAdapter(staged, { name, seed });
			return store.publishAdapter(name, staged);
		}

		it("is empty at first", () => {
			expect(store.listAdapters()).toEqual([]);
			expect(() => store.resolveAdapter("a")).toThrowError(expect.objectContaining({ reason: "ADAPTER_NOT_FOUND" }));
		});

		it("gives back what was published, to every process", () => {
			const published = publish("a");
			expect(store.resolveAdapter("a")).toEqual(published);
			expect(tested.other().resolveAdapter("a")).toEqual(published);
			expect(store.resolvePath(published.source)).toBe(published.path);
			expect(readAdapter(published.path, { name: "a", maxRank: 8 }).manifest?.name).toBe("a");
		});

		it("makes another version of each publication, the last one the newest, the one before still readable", () => {
			const versions = [1, 2, 2].map((seed) => publish("a", seed));
			expect(new Set(versions.map(({ version }) => version)).size).toBe(3);
			expect(store.listAdapters()).toEqual([versions[2]]);
			for (const { path } of versions) expect(readAdapter(path, { name: "a", maxRank: 8 }).r).toBe(2);
		});

		it("lists adapters by name, the newest of each", () => {
			publish("b");
			publish("a");
			const newest = publish("b", 2);
			expect(store.listAdapters().map(({ name }) => name)).toEqual(["a", "b"]);
			expect(store.listAdapters()[1]).toEqual(newest);
		});

		it("shows nothing of what is only staged, or was discarded", () => {
			writeSmallAdapter(store.stage("job_1"));
			expect(tested.other().listAdapters()).toEqual([]);
			store.discard("job_1");
			store.discard("job_1");
			expect(() => store.publishAdapter("a", join(store.stage("job_1"), "nothing"))).toThrow();
			expect(store.listAdapters()).toEqual([]);
		});

		it("stages into a fresh folder, whatever was left there", () => {
			writeSmallAdapter(store.stage("job_1"));
			const staged = store.stage("job_1");
			expect(() => store.publishAdapter("a", staged)).toThrow();
		});

		it.each(["", ".", "..", "../a", "a/b", ".a", "a.", "a\0", "a b", "ä", "x".repeat(129)])("refuses %j as a name", (name) => {
			const staged = store.stage("job_1");
			writeSmallAdapter(staged);
			expect(() => store.publishAdapter(name, staged)).toThrowError(expect.objectContaining({ reason: "INVALID_REQUEST" }));
			expect(() => store.resolveAdapter(name)).toThrowError(expect.objectContaining({ reason: "ADAPTER_NOT_FOUND" }));
		});

		it.each(["../outside", "/etc", "adapters/../../outside"])("refuses the path %j, which leaves it", (path) => {
			expect(() => store.resolvePath(path)).toThrowError(expect.objectContaining({ reason: "PERMISSION_DENIED" }));
		});

		it.each(["", "adapters", "adapters/a", "nowhere", "x".repeat(5000)])("finds no adapter at a path without one", (path) => {
			publish("a");
			expect(() => store.resolvePath(path)).toThrowError(expect.objectContaining({ reason: "ADAPTER_NOT_FOUND" }));
		});

		it("tells a watcher of every publication, by whichever process, when it can be read", async () => {
			const seen: (string | undefined)[] = [];
			const stop = store.watch(() => seen.push(store.listAdapters().at(-1)?.version));
			try {
				const first = publish("a");
				await vi.waitFor(() => expect(seen.at(-1)).toBe(first.version), 5000);
				const staged = tested.other().stage("job_2");
				writeSmallAdapter(staged, { seed: 3 });
				const second = tested.other().publishAdapter("a", staged);
				await vi.waitFor(() => expect(seen.at(-1)).toBe(second.version), 5000);
			} finally {
				stop();
			}
		});

		it("tells a watcher nothing once it was stopped, nor when nothing was published", async () => {
			const onChange = vi.fn();
			const stop = store.watch(onChange);
			writeSmallAdapter(store.stage("job_1"));
			await new Promise((resolve) => setTimeout(resolve, 200));
			stop();
			publish("a");
			await new Promise((resolve) => setTimeout(resolve, 200));
			expect(onChange).not.toHaveBeenCalled();
		});
	});
}
