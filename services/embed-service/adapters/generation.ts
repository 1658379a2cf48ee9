import type { RunnerAdapter } from "../engine/index.js";
import type { AdapterInfo } from "./registry.js";

export interface GenerationFacts {
	readonly name: string;
	readonly number: number;
	/** The store's version that it was made of. */
	readonly version: string;
	readonly source: string;
	readonly rank: number;
	readonly bytes: number;
	readonly baseFingerprint: string;
	readonly weightsHash: string;
}

/** Reads a generation's files again; throws where they have changed. */
export interface GenerationFiles {
	/** As factors. */
	prepare(): Promise<RunnerAdapter>;
	/** Merged into weights of its own. */
	merge(): Promise<RunnerAdapter>;
}

/** A state of the adapter in memory, for one request. */
export interface Held {
	readonly adapter: RunnerAdapter;
	release(): void;
}

/** Its weights merged into the base's. Freed when nothing wants it any more and the last lease is back. */
class Merged {
	#leases = 0;
	#retired = false;

	constructor(readonly adapter: RunnerAdapter) {}

	hold(): Held {
		this.#leases++;
		return { adapter: this.adapter, release: () => this.#release() };
	}

	retire(): void {
		this.#retired = true;
		if (this.#leases === 0) this.adapter.dispose();
	}

	#release(): void {
		if (--this.#leases === 0 && this.#retired) this.adapter.dispose();
	}
}

/**
 * One loaded state of a name. Its factors are in memory, or to be read again; besides, it may be merged, and then requests
 * that come are given the merged state. A request keeps what it was given: within it nothing ever changes.
 */
export class Generation {
	/** For eviction, least recently used first. */
	lastUsed = performance.now();
	/** Set where merging failed or changed the vectors: it is not tried again. */
	cannotMerge = false;
	#leases = 0;
	#retired = false;
	#resident: RunnerAdapter | undefined;
	#merged: Merged | undefined;
	#reloading: Promise<RunnerAdapter> | undefined;

	constructor(
		readonly about: GenerationFacts,
		resident: RunnerAdapter,
		private readonly files: GenerationFiles,
	) {
		this.#resident = resident;
	}

	get number(): number {
		return this.about.number;
	}

	/** Whether its factors are in memory. */
	get resident(): boolean {
		return this.#resident !== undefined;
	}

	get mergedBytes(): number {
		return this.#merged?.adapter.residentBytes ?? 0;
	}

	/** The merged state if there is one, else the factors. */
	async acquire(): Promise<Held> {
		if (!this.#merged) return this.acquireFactors();
		this.lastUsed = performance.now();
		return this.#merged.hold();
	}

	/** Counts a lease first: from then on nothing frees the factors. */
	async acquireFactors(): Promise<Held> {
		this.#leases++;
		this.lastUsed = performance.now();
		try {
			const adapter = this.#resident ?? (await this.#bringBack());
			return { adapter, release: () => this.#release() };
		} catch (error) {
			this.#release();
			throw error;
		}
	}

	/** Makes the merged state; `adopt` puts it to use. */
	merge(): Promise<RunnerAdapter> {
		return this.files.merge();
	}

	/** Requests get the merged state from now on. Takes it over; false, and it is freed, if this generation is no longer served. */
	adopt(merged: RunnerAdapter): boolean {
		if (this.#retired || this.#merged) {
			merged.dispose();
			return false;
		}
		this.#merged = new Merged(merged);
		return true;
	}

	/** Requests get the factors again. */
	unmerge(): void {
		this.#merged?.retire();
		this.#merged = undefined;
	}

	/** A newer generation has taken over, or the name is gone: frees everything once the last lease is back. */
	retire(): void {
		this.#retired = true;
		this.unmerge();
		if (this.#leases === 0) this.#free();
	}

	/** Frees the factors for now; false while a lease is out. */
	evict(): boolean {
		if (this.#leases > 0 || !this.#resident) return false;
		this.#free();
		return true;
	}

	info(): AdapterInfo {
		const { name, number, baseFingerprint, rank, bytes, source } = this.about;
		return {
			name,
			generation: number,
			baseFingerprint,
			rank,
			bytes: bytes + this.mergedBytes,
			source,
			resident: this.resident || this.#merged !== undefined,
			merged: this.#merged !== undefined,
		};
	}

	#release(): void {
		this.#leases--;
		if (this.#retired && this.#leases === 0) this.#free();
	}

	/** Requests that come together share one reading. */
	async #bringBack(): Promise<RunnerAdapter> {
		this.#reloading ??= this.files.prepare().finally(() => {
			this.#reloading = undefined;
		});
		this.#resident = await this.#reloading;
		return this.#resident;
	}

	#free(): void {
		this.#resident?.dispose();
		this.#resident = undefined;
	}
}
