/** The registry as a state machine: whatever the order of events, nobody gets another adapter's factors or freed ones. */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type Adapter,
	type ArtifactStore,
	type PublishedAdapter,
	WEIGHTS_FILE,
	type WriteAdapterOptions,
	writeAdapterFolder,
} from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { createEmbedMetrics, createLogger } from "@dak/shared/observability";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelRunner, RunnerAdapter } from "../engine/index.js";
import { type AdapterLease, AdapterRegistry, type RegistryOptions } from "./index.js";

const FINGERPRINT = `sha256:${"a".repeat(64)}`;
const PATH = "encoder.layer.0.attention.self.query";
const BASE = { fingerprint: FINGERPRINT, layers: new Map([[PATH, { inFeatures: 2, outFeatures: 2 }]]) };
/** Bytes of one test adapter. */
const BYTES = 16;
const NAMES = ["a", "b", "c"] as const;
const TAGS = [1, 2, 3] as const;
const FAULTS = ["truncated", "other-base", "wrong-canary"] as const;
type Fault = (typeof FAULTS)[number];

let root: string;

/** Folders of every kind of adapter; a good one's tag is its first factor. */
function writeFolders(): void {
	const write = (folder: string, tag: number, change: { fingerprint?: string; canary?: number } = {}) => {
		const base = { ref: "base", fingerprint: change.fingerprint ?? FINGERPRINT, hiddenSize: 2, normalize: true, prompts: {} };
		const options: WriteAdapterOptions = {
			name: folder,
			r: 1,
			alpha: 1,
			modules: [{ path: PATH, inFeatures: 2, outFeatures: 2, r: 1, a: Float32Array.of(tag, 0), b: Float32Array.of(0, 0) }],
			base,
			tokenizerHash: "",
			dataHash: "",
			quantization: "nf4-double",
			pooling: "mean",
			maxLength: 8,
			maxSeqLength: 8,
			jobId: `job_${folder}`,
			settings: {},
			metrics: {},
			verdict: "unverified",
			canaries: [{ text: "x", embedding: [change.canary ?? tag] }],
		};
		writeAdapterFolder(join(root, folder), options);
	};
	for (const tag of TAGS) write(`good-${tag}`, tag);
	write("other-base", 9, { fingerprint: `sha256:${"b".repeat(64)}` });
	write("wrong-canary", 9, { canary: 5 });
	cpSync(join(root, "good-1"), join(root, "truncated"), { recursive: true });
	truncateSync(join(root, "truncated", WEIGHTS_FILE), readFileSync(join(root, "truncated", WEIGHTS_FILE)).length - 4);
}

beforeAll(() => {
	root = mkdtempSync(join(tmpdir(), "dak-registry-"));
	writeFolders();
});
afterAll(() => rmSync(root, { recursive: true }));

/** A store whose content the test sets. */
class TestStore implements Pick<ArtifactStore, "listAdapters" | "resolveAdapter" | "resolvePath" | "watch"> {
	readonly #published = new Map<string, PublishedAdapter>();
	#versions = 0;
	#onChange: () => void = () => {};

	/** Says so, too, unless `silent`. */
	publish(name: string, folder: string, silent = false): void {
		this.#published.set(name, { name, version: `${++this.#versions}`, ordinal: 1, source: folder });
		if (!silent) this.#onChange();
	}

	/** Something changed elsewhere. */
	touch(): void {
		this.#onChange();
	}

	listAdapters = async () => [...this.#published.values()];
	resolvePath = async (path: string) => join(root, path);

	async resolveAdapter(name: string): Promise<PublishedAdapter> {
		const found = this.#published.get(name);
		if (!found) throw new DakError("ADAPTER_NOT_FOUND", name);
		return found;
	}

	watch(onChange: () => void): () => void {
		this.#onChange = onChange;
		return () => {};
	}
}

class TestAdapter implements RunnerAdapter {
	readonly residentBytes = BYTES;
	disposed = 0;
	constructor(readonly tag: number) {}
	dispose(): void {
		this.disposed++;
	}
}

/** Keeps what it prepared; `hold` delays each preparation. */
class TestRunner {
	readonly driftLimit = 1e-3;
	readonly compute = "fp32";
	readonly merges = true;
	readonly prepared: TestAdapter[] = [];
	hold: Promise<void> | undefined;

	async prepare(adapter: Adapter): Promise<RunnerAdapter> {
		await this.hold;
		const made = new TestAdapter(adapter.modules[0]!.a[0]!);
		this.prepared.push(made);
		return made;
	}

	merge(adapter: Adapter): Promise<RunnerAdapter> {
		return this.prepare(adapter);
	}

	get residentBytes(): number {
		return this.prepared.filter(({ disposed }) => disposed === 0).length * BYTES;
	}
}

function setUp(budgetAdapters = 2, change: Partial<RegistryOptions> = {}) {
	const store = new TestStore();
	const runner = new TestRunner();
	const metrics = createEmbedMetrics();
	const registry = new AdapterRegistry({
		runner: runner as unknown as ModelRunner,
		store: store as unknown as ArtifactStore,
		base: BASE,
		verify: async (adapter, canaries) => (canaries[0]!.embedding[0] === (adapter as TestAdapter).tag ? 0 : 1),
		metrics,
		logger: createLogger("test", "silent"),
		maxRank: 8,
		budgetBytes: budgetAdapters * BYTES,
		mergedBudgetBytes: 0,
		gap: async () => 0,
		pinned: new Set(),
		...change,
	});
	return { store, runner, metrics, registry, leases: [] as AdapterLease[] };
}

type Real = ReturnType<typeof setUp>;
const settle = async () => {
	for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};
const tagOf = (lease: AdapterLease) => (lease.adapter as TestAdapter).tag;
const reasonOf = (work: Promise<unknown>) =>
	work.then(
		() => "done",
		(error: DakError) => error.reason,
	);

interface Model {
	/** What each name is served with. */
	readonly served: Map<string, { tag: number; generation: number }>;
	readonly generations: Map<string, number>;
	/** The newest good publication of a name, if the newest is good. */
	readonly newest: Map<string, number | undefined>;
	/** What each lease that is out was given. */
	readonly leases: { tag: number; generation: number; name: string }[];
}

function serve(model: Model, name: string, tag: number): void {
	const generation = (model.generations.get(name) ?? 0) + 1;
	model.generations.set(name, generation);
	model.served.set(name, { tag, generation });
}

function check(model: Model, { registry, runner, leases }: Real): void {
	const listed = registry.list().map(({ name, generation }) => [name, generation]);
	expect(listed).toEqual([...model.served].map(([name, { generation }]) => [name, generation]).sort());
	expect(leases.map((lease) => ({ tag: tagOf(lease), generation: lease.generation, name: lease.name }))).toEqual(model.leases);
	for (const lease of leases) expect((lease.adapter as TestAdapter).disposed, "a leased adapter was freed").toBe(0);
	for (const { disposed } of runner.prepared) expect(disposed, "freed twice").toBeLessThanOrEqual(1);
	// Beyond the budget only what somebody holds, and what was used last.
	const held = new Set(leases.map(({ adapter }) => adapter)).size;
	expect(runner.residentBytes).toBeLessThanOrEqual((1 + held + 1) * BYTES);
}

type Command = fc.AsyncCommand<Model, Real>;
const command = (
	label: string,
	run: (model: Model, real: Real) => Promise<void>,
	possible: (model: Model) => boolean = () => true,
): Command => ({
	check: possible,
	toString: () => label,
	run: async (model, real) => {
		await run(model, real);
		check(model, real);
	},
});

const publish = (name: string, tag: number) =>
	command(`publish ${name} ${tag}`, async (model, { store }) => {
		store.publish(name, `good-${tag}`);
		await settle();
		model.newest.set(name, tag);
		serve(model, name, tag);
	});
const publishBroken = (name: string, fault: Fault) =>
	command(`publish ${name} ${fault}`, async (model, { store }) => {
		store.publish(name, fault);
		await settle();
		model.newest.set(name, undefined);
	});
const touch = command("touch", async (_, { store }) => {
	store.touch();
	await settle();
});
const loadNewest = (name: string) =>
	command(`load ${name}`, async (model, { registry }) => {
		const tag = model.newest.get(name);
		const outcome = await reasonOf(registry.load(name));
		if (tag !== undefined) {
			expect(outcome).toBe("done");
			serve(model, name, tag);
		} else expect(outcome).toBe(model.newest.has(name) ? "ADAPTER_INCOMPATIBLE" : "ADAPTER_NOT_FOUND");
	});
const loadPath = (name: string, tag: number) =>
	command(`load ${name} from good-${tag}`, async (model, { registry }) => {
		await registry.load(name, { path: `good-${tag}` });
		serve(model, name, tag);
	});
const unload = (name: string) =>
	command(`unload ${name}`, async (model, { registry }) => {
		expect(await reasonOf(registry.unload(name))).toBe(model.served.has(name) ? "done" : "ADAPTER_NOT_FOUND");
		model.served.delete(name);
	});
const acquire = (name: string) =>
	command(`acquire ${name}`, async (model, { registry, leases }) => {
		const served = model.served.get(name);
		if (!served) return expect(await reasonOf(registry.acquire(name))).toBe("ADAPTER_NOT_FOUND");
		leases.push(await registry.acquire(name));
		model.leases.push({ ...served, name });
	});
const release = (pick: number) =>
	command(
		`release ${pick}`,
		async (model, { leases }) => {
			const i = pick % leases.length;
			leases.splice(i, 1)[0]!.release();
			model.leases.splice(i, 1);
		},
		(model) => model.leases.length > 0,
	);

const name = fc.constantFrom(...NAMES);
const tag = fc.constantFrom(...TAGS);
const commands = fc.commands(
	[
		fc.tuple(name, tag).map((args) => publish(...args)),
		fc.tuple(name, fc.constantFrom(...FAULTS)).map((args) => publishBroken(...args)),
		fc.constant(touch),
		name.map(loadNewest),
		fc.tuple(name, tag).map((args) => loadPath(...args)),
		name.map(unload),
		name.map(acquire),
		name.map(acquire),
		fc.nat(7).map(release),
	],
	{ maxCommands: 40 },
);

describe("the adapter registry", () => {
	it("serves what its history says, frees nothing that is leased, and everything in the end", async () => {
		await fc.assert(
			fc.asyncProperty(commands, async (history) => {
				const real = setUp(1);
				await real.registry.start();
				const model: Model = { served: new Map(), generations: new Map(), newest: new Map(), leases: [] };
				await fc.asyncModelRun(() => ({ model, real }), history);
				for (const lease of real.leases) lease.release();
				await real.registry.close();
				expect(real.runner.prepared.every(({ disposed }) => disposed === 1)).toBe(true);
			}),
			{ numRuns: 150 },
		);
	});

	it("reads an evicted adapter once for all requests that come together", async () => {
		const { store, runner, registry, metrics } = setUp(1);
		for (const [i, one] of NAMES.entries()) store.publish(one, `good-${i + 1}`);
		await registry.start();
		expect(registry.list().filter(({ resident }) => resident)).toHaveLength(1);
		expect((await metrics.adapterEvictions.get()).values[0]?.value).toBe(2);
		const before = runner.prepared.length;
		const leases = await Promise.all([1, 2, 3].map(() => registry.acquire("a")));
		expect(runner.prepared.length).toBe(before + 1);
		expect(leases.map(tagOf)).toEqual([1, 1, 1]);
	});

	it("refuses to bring back an adapter whose files have changed under it", async () => {
		const { store, registry } = setUp(1);
		cpSync(join(root, "good-1"), join(root, "moving"), { recursive: true });
		store.publish("a", "moving");
		store.publish("b", "good-2");
		await registry.start();
		expect(registry.list().map(({ resident }) => resident)).toEqual([false, true]);
		cpSync(join(root, "good-3"), join(root, "moving"), { recursive: true });
		expect(await reasonOf(registry.acquire("a"))).toBe("GENERATION_MISMATCH");
	});

	it("does not bring back by a late load what was unloaded after it was asked for", async () => {
		const { store, runner, registry } = setUp();
		store.publish("a", "good-1");
		await registry.start();
		let open!: () => void;
		runner.hold = new Promise((resolve) => {
			open = resolve;
		});
		const loading = registry.load("a");
		const unloading = registry.unload("a");
		open();
		await Promise.all([loading, unloading]);
		expect(registry.list()).toEqual([]);
	});

	it("keeps what was loaded by hand when another adapter is published", async () => {
		const { store, registry } = setUp();
		store.publish("a", "good-1");
		await registry.start();
		await registry.load("a", { path: "good-2" });
		store.publish("b", "good-3");
		await settle();
		expect(tagOf(await registry.acquire("a"))).toBe(2);
	});

	it("finds a job's adapter, though another one in the store is broken", async () => {
		const { store, registry } = setUp();
		store.publish("broken", "truncated", true);
		store.publish("fine", "good-2", true);
		await registry.start();
		expect((await registry.load("again", { jobId: "job_good-2" })).name).toBe("again");
		expect(await reasonOf(registry.load("again", { jobId: "job_none" }))).toBe("ADAPTER_NOT_FOUND");
	});

	/** Uses an adapter as a busy client does. */
	const use = async (registry: AdapterRegistry, name: string, texts: number) => (await registry.acquire(name, texts)).release();
	const mergedNames = (registry: AdapterRegistry) => registry.list().flatMap(({ name, merged }) => (merged ? [name] : []));

	it("merges what is used most, within its budget, and gives one up only for one used clearly more", async () => {
		const { store, registry } = setUp(3, { mergedBudgetBytes: BYTES });
		for (const [i, one] of NAMES.entries()) store.publish(one, `good-${i + 1}`);
		await registry.start();
		await use(registry, "a", 10);
		await settle();
		expect(mergedNames(registry)).toEqual([]);
		await use(registry, "a", 90);
		await settle();
		expect(mergedNames(registry)).toEqual(["a"]);
		await use(registry, "b", 150);
		await settle();
		expect(mergedNames(registry)).toEqual(["a"]);
		await use(registry, "b", 100);
		await settle();
		expect(mergedNames(registry)).toEqual(["b"]);
	});

	it("lets a request keep the state that it was given, and frees each when its last lease is back", async () => {
		const { store, registry, runner } = setUp(3, { mergedBudgetBytes: 8 * BYTES });
		store.publish("a", "good-1");
		await registry.start();
		const before = await registry.acquire("a", 100);
		await settle();
		const after = await registry.acquire("a");
		expect(after.adapter).not.toBe(before.adapter);
		store.publish("a", "good-2");
		await settle();
		const [old, merged] = [before, after].map(({ adapter }) => adapter as TestAdapter);
		expect([old!.disposed, merged!.disposed]).toEqual([0, 0]);
		before.release();
		after.release();
		expect([old!.disposed, merged!.disposed]).toEqual([1, 1]);
		await registry.close();
		expect(runner.prepared.every(({ disposed }) => disposed === 1)).toBe(true);
	});

	it("does not put a merged state to use whose vectors are others", async () => {
		const { store, registry, runner } = setUp(3, { mergedBudgetBytes: 8 * BYTES, gap: async () => 0.5 });
		store.publish("a", "good-1");
		await registry.start();
		for (let i = 0; i < 2; i++) await use(registry, "a", 100);
		await settle();
		expect(mergedNames(registry)).toEqual([]);
		expect(runner.residentBytes).toBe(BYTES);
		await use(registry, "a", 100);
		await settle();
		expect(runner.prepared).toHaveLength(2);
	});

	it("keeps what is pinned, and merges it at once", async () => {
		const { store, registry } = setUp(1, { mergedBudgetBytes: BYTES, pinned: new Set(["a"]) });
		for (const [i, one] of NAMES.entries()) store.publish(one, `good-${i + 1}`);
		await registry.start();
		await settle();
		await use(registry, "b", 1000);
		await settle();
		expect(mergedNames(registry)).toEqual(["a"]);
		expect(registry.list().find(({ name }) => name === "a")?.resident).toBe(true);
	});

	it("counts loads by outcome", async () => {
		const { store, registry, metrics } = setUp();
		store.publish("a", "good-1");
		store.publish("b", "other-base");
		await registry.start();
		const { values } = await metrics.adapterLoads.get();
		const counts = values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.outcome, value]);
		expect(counts).toEqual([
			["ok", 1],
			["ADAPTER_INCOMPATIBLE", 1],
		]);
	});
});
