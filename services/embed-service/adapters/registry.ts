/**
 * Which adapters are served. A name has generations: loading it again makes a new one, that takes over in one step, while
 * requests admitted before finish on the old one. A lease pins a generation; its factors are freed when the last lease is
 * back and nothing else wants them. There are two tiers: factors beside the base's weights, and for those that are used most
 * (merging.ts) weights of their own.
 */
import {
	ADAPTER_NAME,
	type Adapter,
	type AdapterManifest,
	type ArtifactStore,
	type BaseShape,
	checkAdapterFits,
	type PublishedAdapter,
	readAdapter,
	readManifest,
} from "@dak/shared/adapters";
import { DakError, invalidField, toDakError } from "@dak/shared/errors";
import { currentTraceparent, type EmbedMetrics, type Logger, NO_TRACING, type OpenSpan, type Tracing } from "@dak/shared/observability";
import type { ModelRunner, RunnerAdapter } from "../engine/index.js";
import { Generation, type GenerationFiles } from "./generation.js";
import { Merging } from "./merging.js";

export interface AdapterInfo {
	readonly name: string;
	readonly generation: number;
	/** Empty where the adapter does not say. */
	readonly baseFingerprint: string;
	readonly rank: number;
	readonly bytes: number;
	/** Relative to the artifact root. */
	readonly source: string;
	/** Whether it is in memory, as factors or merged. */
	readonly resident: boolean;
	/** Whether requests get its merged state. */
	readonly merged: boolean;
}

/** A pinned generation. Give it back once, when its vectors are made. */
export interface AdapterLease {
	readonly name: string;
	readonly generation: number;
	readonly adapter: RunnerAdapter;
	release(): void;
}

export type AdapterSource = { readonly path: string } | { readonly jobId: string };

export interface RegistryOptions {
	readonly runner: ModelRunner;
	readonly store: ArtifactStore;
	readonly base: BaseShape;
	/** Largest cosine gap between the canaries' recorded vectors and those that the runner gives now. */
	readonly verify: (adapter: RunnerAdapter, canaries: AdapterManifest["canaries"]) => Promise<number>;
	readonly metrics: EmbedMetrics;
	readonly logger: Logger;
	readonly tracing?: Tracing;
	readonly maxRank: number;
	/** Memory for resident factors. */
	readonly budgetBytes: number;
	/** Memory for merged adapters; 0: none is merged. */
	readonly mergedBudgetBytes: number;
	/** Largest cosine gap between the vectors of two states of an adapter. */
	readonly gap: (a: RunnerAdapter, b: RunnerAdapter) => Promise<number>;
	/** Names that stay in memory, and are merged as soon as they are loaded. */
	readonly pinned: ReadonlySet<string>;
}

/** What ADAPTER_NAME says, in words. */
export const NAME_RULE = "1 to 128 letters, digits, '.', '_' or '-', a letter or digit at both ends";

export class AdapterRegistry {
	readonly #current = new Map<string, Generation>();
	/** The store's version of each name that was dealt with last: loaded, refused, or set aside by what was asked for by hand. */
	readonly #seen = new Map<string, string>();
	readonly #generations = new Map<string, number>();
	readonly #loading = new Map<string, Promise<unknown>>();
	#stopWatching: () => void = () => {};
	readonly #merging: Merging;
	#closed = false;

	constructor(private readonly options: RegistryOptions) {
		const { runner, mergedBudgetBytes, pinned, gap, metrics, logger } = options;
		const budgetBytes = runner.merges ? mergedBudgetBytes : 0;
		this.#merging = new Merging(this.#current, { budgetBytes, pinned, gap, driftLimit: runner.driftLimit, metrics, logger });
	}

	/** Loads what the store has, then follows it. An adapter that cannot be loaded is logged and left out. */
	async start(): Promise<void> {
		const { store, logger } = this.options;
		// Watched before it is read, so that nothing published in between is missed.
		this.#stopWatching = store.watch(() => {
			this.#follow().catch((error) => logger.error({ err: error }, "the artifact store could not be read"));
		});
		await this.#follow();
	}

	/**
	 * Pins the present generation, bringing its factors back into memory if they were evicted.
	 * @param texts that will be embedded with it · @throws ADAPTER_NOT_FOUND
	 */
	async acquire(name: string, texts = 1): Promise<AdapterLease> {
		const generation = this.#current.get(name);
		if (!generation) throw notServed(name);
		const held = await generation.acquire();
		this.#evict(generation);
		this.#merging.used(name, texts);
		return {
			name,
			generation: generation.number,
			adapter: held.adapter,
			release: () => {
				held.release();
				this.#evict(undefined);
			},
		};
	}

	list(): AdapterInfo[] {
		return [...this.#current.values()].map((generation) => generation.info()).sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	/** Loads an adapter under a name, as a new generation. @throws INVALID_REQUEST, ADAPTER_NOT_FOUND, ADAPTER_INCOMPATIBLE, PERMISSION_DENIED */
	async load(name: string, source?: AdapterSource): Promise<AdapterInfo> {
		if (!ADAPTER_NAME.test(name)) throw invalidField("/name", `found ${JSON.stringify(name.slice(0, 128))}, allowed: ${NAME_RULE}`);
		return this.#oneAtATime(name, async () => {
			const info = await this.#load(name, await this.#find(name, source));
			await this.#markSeen(name);
			return info;
		});
	}

	/**
	 * Stops serving a name until it is published anew or loaded by hand; leases that are out stay good. A load that is under
	 * way ends first. @throws ADAPTER_NOT_FOUND
	 */
	async unload(name: string): Promise<void> {
		await this.#oneAtATime(name, async () => {
			const generation = this.#current.get(name);
			if (!generation) throw notServed(name);
			await this.#markSeen(name);
			this.#current.delete(name);
			generation.retire();
			this.options.metrics.forgetAdapter(name);
			this.options.metrics.adapterLoaded.set(this.#current.size);
			this.#merging.forget(name);
		});
	}

	async close(): Promise<void> {
		this.#closed = true;
		this.#stopWatching();
		await Promise.allSettled(this.#loading.values());
		for (const generation of this.#current.values()) generation.retire();
		this.#current.clear();
		await this.#merging.settled();
	}

	/** Loads versions that the store has and that were not dealt with yet. */
	async #follow(): Promise<void> {
		for (const published of await this.options.store.listAdapters()) {
			const { name, version } = published;
			if (this.#closed || this.#seen.get(name) === version) continue;
			this.#seen.set(name, version);
			try {
				await this.#oneAtATime(name, () => this.#load(name, published));
			} catch (error) {
				const { reason, message } = toDakError(error);
				const facts = { adapter: name, version, reason, detail: message };
				this.options.logger.warn(facts, "adapter was not loaded; what was served before stays");
			}
		}
	}

	/** What was done by hand stands until the store has something newer than now. */
	async #markSeen(name: string): Promise<void> {
		const newest = (await this.options.store.listAdapters()).find((published) => published.name === name);
		if (newest) this.#seen.set(name, newest.version);
	}

	async #find(name: string, source: AdapterSource | undefined): Promise<PublishedAdapter> {
		const { store } = this.options;
		if (source === undefined) return store.resolveAdapter(name);
		if ("path" in source) return { name, version: `path:${source.path}`, ordinal: 1, source: source.path };
		for (const published of await store.listAdapters()) if ((await this.#jobOf(published)) === source.jobId) return published;
		const job = JSON.stringify(source.jobId.slice(0, 64));
		throw new DakError("ADAPTER_NOT_FOUND", `job ${job} has published no adapter that is still the newest of its name`);
	}

	/** The job that made a published adapter; undefined where its files do not say. */
	async #jobOf({ source }: PublishedAdapter): Promise<string | undefined> {
		try {
			return readManifest(await this.options.store.resolvePath(source))?.job_id;
		} catch {
			return undefined;
		}
	}

	/** Loads of one name follow each other, so that the last one asked for wins. */
	async #oneAtATime<T>(name: string, work: () => Promise<T>): Promise<T> {
		const before = this.#loading.get(name) ?? Promise.resolve();
		const mine = before.catch(() => {}).then(work);
		this.#loading.set(name, mine);
		try {
			return await mine;
		} finally {
			if (this.#loading.get(name) === mine) this.#loading.delete(name);
		}
	}

	async #load(name: string, published: PublishedAdapter): Promise<AdapterInfo> {
		const { metrics, logger } = this.options;
		const started = performance.now();
		const span = await this.#span(name, published);
		try {
			const generation = await span.within(() => this.#prepare(name, published));
			this.#switch(name, generation);
			metrics.adapterLoads.inc({ outcome: "ok" });
			const seconds = (performance.now() - started) / 1000;
			metrics.adapterLoadSeconds.observe(seconds);
			logger.info(
				{ adapter: name, generation: generation.number, source: published.source, ms: Math.round(seconds * 1000) },
				"adapter is served",
			);
			span.set({ generation: generation.number });
			span.end();
			return generation.info();
		} catch (error) {
			span.end(error);
			metrics.adapterLoads.inc({ outcome: toDakError(error).reason });
			throw error;
		}
	}

	/** A load that nobody asked for goes on with the trace of the job that made the adapter. */
	async #span(name: string, { source }: PublishedAdapter): Promise<OpenSpan> {
		const { tracing = NO_TRACING, store } = this.options;
		const parent = tracing === NO_TRACING ? undefined : (currentTraceparent() ?? (await traceparentOf(store, source)));
		return tracing.begin("adapter load", { parent, attributes: { adapter: name, source } });
	}

	/** Everything that can fail comes before the switch. */
	async #prepare(name: string, { version, ordinal, source }: PublishedAdapter): Promise<Generation> {
		const { runner, base, maxRank, verify, store } = this.options;
		const read = async (): Promise<Adapter> => {
			const path = await store.resolvePath(source);
			const adapter = readAdapter(path, { name, maxRank });
			checkAdapterFits(adapter, base);
			return adapter;
		};
		const adapter = await read();
		const resident = await runner.prepare(adapter);
		try {
			const gap = adapter.manifest ? await verify(resident, adapter.manifest.canaries) : 0;
			// Canaries were recorded with fp32 products: what the mode itself may drift is no fault of the adapter.
			if (!(gap <= runner.driftLimit)) {
				throw new DakError(
					"ADAPTER_INCOMPATIBLE",
					`adapter ${name}: a canary's vector is off by ${gap.toPrecision(3)} (1 − cosine), allowed: ${runner.driftLimit} in ${runner.compute}; it was made over other weights or quantisation`,
				);
			}
		} catch (error) {
			resident.dispose();
			throw error;
		}
		// By the store's count, so that replicas that started at other times, or missed a version, come to the same.
		const number = Math.max((this.#generations.get(name) ?? 0) + 1, ordinal);
		this.#generations.set(name, number);
		const about = {
			name,
			number,
			version,
			source,
			rank: adapter.r,
			bytes: resident.residentBytes,
			baseFingerprint: adapter.manifest?.base_fingerprint ?? "",
			weightsHash: adapter.weightsHash,
		};
		const again = async (): Promise<Adapter> => {
			const files = await read();
			if (files.weightsHash !== about.weightsHash)
				throw new DakError("GENERATION_MISMATCH", `adapter ${name}: its files have changed since generation ${number} was loaded`);
			return files;
		};
		const files: GenerationFiles = { prepare: async () => runner.prepare(await again()), merge: async () => runner.merge(await again()) };
		return new Generation(about, resident, files);
	}

	#switch(name: string, generation: Generation): void {
		const before = this.#current.get(name);
		this.#current.set(name, generation);
		before?.retire();
		this.options.metrics.adapterLoaded.set(this.#current.size);
		this.#evict(generation);
		this.#merging.count();
		this.#merging.consider(name);
	}

	/** Frees the least recently used factors until the rest fit; those that are leased stay. */
	#evict(keep: Generation | undefined): void {
		const resident = [...this.#current.values()].filter((generation) => generation.resident).sort((a, b) => a.lastUsed - b.lastUsed);
		let bytes = resident.reduce((sum, generation) => sum + generation.about.bytes, 0);
		for (const generation of resident) {
			if (bytes <= this.options.budgetBytes) return;
			if (generation === keep || this.options.pinned.has(generation.about.name) || !generation.evict()) continue;
			bytes -= generation.about.bytes;
			this.options.metrics.adapterEvictions.inc();
		}
	}
}

const notServed = (name: string): DakError =>
	new DakError("ADAPTER_NOT_FOUND", `adapter ${JSON.stringify(name.slice(0, 128))} is not served; GET /v1/adapters lists those that are`);

async function traceparentOf(store: ArtifactStore, source: string): Promise<string | undefined> {
	try {
		return readManifest(await store.resolvePath(source))?.traceparent;
	} catch {
		// What is wrong with the folder, its loading says.
		return undefined;
	}
}
