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

/** One loaded state of a name: its factors, in memory or to be read again, and how many leases are out. */
export class Generation {
	/** For eviction, least recently used first. */
	lastUsed = performance.now();
	#leases = 0;
	#retired = false;
	#resident: RunnerAdapter | undefined;
	#reloading: Promise<RunnerAdapter> | undefined;

	constructor(
		readonly about: GenerationFacts,
		resident: RunnerAdapter,
		private readonly reload: () => Promise<RunnerAdapter>,
	) {
		this.#resident = resident;
	}

	get number(): number {
		return this.about.number;
	}

	get resident(): boolean {
		return this.#resident !== undefined;
	}

	/** Counts a lease first: from then on nothing frees the factors. */
	async acquire(): Promise<RunnerAdapter> {
		this.#leases++;
		this.lastUsed = performance.now();
		try {
			return this.#resident ?? (await this.#bringBack());
		} catch (error) {
			this.release();
			throw error;
		}
	}

	release(): void {
		this.#leases--;
		if (this.#retired && this.#leases === 0) this.#free();
	}

	/** A newer generation has taken over, or the name is gone: frees the factors once the last lease is back. */
	retire(): void {
		this.#retired = true;
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
		return { name, generation: number, baseFingerprint, rank, bytes, source, resident: this.resident };
	}

	/** Requests that come together share one reading. */
	async #bringBack(): Promise<RunnerAdapter> {
		this.#reloading ??= this.reload().finally(() => {
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
