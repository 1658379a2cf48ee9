/** The generations that one request is answered by: pinned together before anything runs, given back together after. */
import { DakError } from "@dak/shared/errors";
import type { AdapterLease, AdapterRegistry } from "../adapters/index.js";
import type { RunnerAdapter } from "../engine/index.js";

/** `name`, or `name@generation` as answers write it. */
const PINNED = /^(.+)@(\d{1,15})$/;

export class AdapterLeases {
	private constructor(private readonly leases: ReadonlyMap<string, AdapterLease>) {}

	/**
	 * Pins every adapter that is named, or none. @param names as requests write them, "" for the base
	 * @throws ADAPTER_NOT_FOUND, GENERATION_MISMATCH where another generation is asked for than the one that is served
	 */
	static async acquire(registry: AdapterRegistry, names: readonly string[]): Promise<AdapterLeases> {
		const leases = new Map<string, AdapterLease>();
		const all = new AdapterLeases(leases);
		try {
			for (const [asked, texts] of countOf(names)) if (asked !== "") leases.set(asked, await lease(registry, asked, texts));
			return all;
		} catch (error) {
			all.release();
			throw error;
		}
	}

	adapter(asked: string): RunnerAdapter | undefined {
		return this.leases.get(asked)?.adapter;
	}

	/** The adapter's name without a generation, "" for the base. */
	nameOf = (asked: string): string => this.leases.get(asked)?.name ?? "";

	/** name@generation, "" for the base. */
	labelOf = (asked: string): string => {
		const found = this.leases.get(asked);
		return found ? `${found.name}@${found.generation}` : "";
	};

	release(): void {
		for (const one of this.leases.values()) one.release();
	}
}

/** How many texts name each. */
function countOf(names: readonly string[]): Map<string, number> {
	const counts = new Map<string, number>();
	for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
	return counts;
}

async function lease(registry: AdapterRegistry, asked: string, texts: number): Promise<AdapterLease> {
	const pinned = PINNED.exec(asked);
	if (!pinned) return registry.acquire(asked, texts);
	const [, name, generation] = pinned;
	const found = await registry.acquire(name!, texts);
	if (found.generation === Number(generation)) return found;
	found.release();
	throw new DakError("GENERATION_MISMATCH", `adapter ${name}: found generation ${found.generation}, asked for: ${generation}`);
}
