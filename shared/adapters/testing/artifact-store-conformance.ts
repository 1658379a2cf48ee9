/** What every ArtifactStore must do, whatever it keeps its adapters in. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ArtifactStore, type PublishedAdapter, readAdapter } from "../index.js";
import { writeSmallAdapter } from "./adapter-folder.js";

export interface StoreUnderTest {
	readonly store: ArtifactStore;
	/** The same artifacts, seen by another process. */
	readonly other: () => ArtifactStore;
	readonly dispose: () => void | Promise<void>;
}

const refused = (reason: string) => expect.objectContaining({ reason });

export function describeArtifactStore(kind: string, create: () => StoreUnderTest | Promise<StoreUnderTest>): void {
	describe(`${kind} as an artifact store`, () => {
		let tested: StoreUnderTest;
		let store: ArtifactStore;
		beforeEach(async () => {
			tested = await create();
			store = tested.store;
		});
		afterEach(() => tested.dispose());

		function publish(name: string, seed = 1, by = store) {
			const staged = by.stage("job_1");
			writeSmallAdapter(staged, { name, seed });
			return by.publishAdapter(name, staged);
		}
		const read = async ({ source }: PublishedAdapter, by = store) => readAdapter(await by.resolvePath(source), { name: "a", maxRank: 8 });

		it("is empty at first", async () => {
			expect(await store.listAdapters()).toEqual([]);
			await expect(store.resolveAdapter("a")).rejects.toThrowError(refused("ADAPTER_NOT_FOUND"));
		});

		it("gives back what was published, to every process", async () => {
			const published = await publish("a");
			expect(await store.resolveAdapter("a")).toEqual(published);
			const other = tested.other();
			expect(await other.resolveAdapter("a")).toEqual(published);
			for (const by of [store, other]) expect((await read(published, by)).manifest?.name).toBe("a");
		});

		it("makes another version of each publication, the last one the newest, the one before still readable", async () => {
			const versions = [];
			for (const seed of [1, 2, 2]) versions.push(await publish("a", seed));
			expect(new Set(versions.map(({ version }) => version)).size).toBe(3);
			expect(await store.listAdapters()).toEqual([versions[2]]);
			for (const version of versions) expect((await read(version)).r).toBe(2);
		});

		it("lists adapters by name, the newest of each", async () => {
			await publish("b");
			await publish("a");
			const newest = await publish("b", 2);
			const listed = await store.listAdapters();
			expect(listed.map(({ name }) => name)).toEqual(["a", "b"]);
			expect(listed[1]).toEqual(newest);
		});

		it("lets processes publish the same name at the same time: each version is whole, and all agree on the newest", async () => {
			const stores = [store, tested.other(), tested.other()];
			const publications = stores.map((by, i) => {
				const staged = by.stage(`job_${i}`);
				writeSmallAdapter(staged, { name: "a", seed: i + 1 });
				return by.publishAdapter("a", staged);
			});
			const versions = await Promise.all(publications);
			expect(new Set(versions.map(({ version }) => version)).size).toBe(3);
			const newest = versions
				.map(({ version }) => version)
				.sort()
				.at(-1);
			for (const by of stores) expect((await by.resolveAdapter("a")).version).toBe(newest);
			for (const version of versions) expect((await read(version, tested.other())).r).toBe(2);
		});

		it("shows nothing of what is only staged, or was discarded", async () => {
			writeSmallAdapter(store.stage("job_1"));
			expect(await tested.other().listAdapters()).toEqual([]);
			store.discard("job_1");
			store.discard("job_1");
			await expect(store.publishAdapter("a", join(store.stage("job_1"), "nothing"))).rejects.toThrow();
			writeSmallAdapter(store.stage("job_1"));
			store.discardAll();
			expect(await store.listAdapters()).toEqual([]);
		});

		it("stages into a fresh folder, whatever was left there", async () => {
			writeSmallAdapter(store.stage("job_1"));
			const staged = store.stage("job_1");
			await expect(store.publishAdapter("a", staged)).rejects.toThrow();
		});

		it.each(["", ".", "..", "../a", "a/b", ".a", "a.", "a\0", "a b", "ä", "x".repeat(129)])("refuses %j as a name", async (name) => {
			const staged = store.stage("job_1");
			writeSmallAdapter(staged);
			await expect(store.publishAdapter(name, staged)).rejects.toThrowError(refused("INVALID_REQUEST"));
			await expect(store.resolveAdapter(name)).rejects.toThrowError(refused("ADAPTER_NOT_FOUND"));
		});

		it.each(["../outside", "/etc", "adapters/../../outside"])("refuses the path %j, which leaves it", async (path) => {
			await expect(store.resolvePath(path)).rejects.toThrowError(refused("PERMISSION_DENIED"));
		});

		it.each(["", "adapters", "adapters/a", "nowhere", "x".repeat(5000)])("finds no adapter at a path without one", async (path) => {
			await publish("a");
			await expect(store.resolvePath(path)).rejects.toThrowError(refused("ADAPTER_NOT_FOUND"));
		});

		it("tells a watcher of every publication, by whichever process, when it can be read", async () => {
			const seen: (string | undefined)[] = [];
			const stop = store.watch(async () => seen.push((await store.listAdapters()).at(-1)?.version));
			try {
				const first = await publish("a");
				await vi.waitFor(() => expect(seen.at(-1)).toBe(first.version), 5000);
				const second = await publish("a", 3, tested.other());
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
			await publish("a");
			await new Promise((resolve) => setTimeout(resolve, 200));
			expect(onChange).not.toHaveBeenCalled();
		});
	});
}
