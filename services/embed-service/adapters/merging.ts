/**
 * Which adapters are merged: those that are used most, within a budget of memory of their own. Merging happens beside
 * serving, one adapter at a time; the merged state is put to use once its vectors agree with those of the factors.
 */
import { toDakError } from "@dak/shared/errors";
import type { EmbedMetrics, Logger } from "@dak/shared/observability";
import type { RunnerAdapter } from "../engine/index.js";
import type { Generation } from "./generation.js";
import { Heat } from "./heat.js";

export interface MergingOptions {
	/** 0: nothing is merged. */
	readonly budgetBytes: number;
	/** Merged as soon as they are loaded, and never given up for others. */
	readonly pinned: ReadonlySet<string>;
	/** Largest cosine gap between two states' vectors of some texts. */
	readonly gap: (a: RunnerAdapter, b: RunnerAdapter) => Promise<number>;
	/** Largest gap that merging may make. */
	readonly driftLimit: number;
	readonly metrics: EmbedMetrics;
	readonly logger: Logger;
}

/** Texts within about a minute from which on an adapter is worth the work of merging. */
const HOT_TEXTS = 64;
/** Another is given up only for one that is used so many times as much: else two would take turns. */
const CLEARLY = 2;

export class Merging {
	readonly #heat = new Heat();
	#working: Promise<void> | undefined;
	/** Of the last one: all have the same. */
	#bytesEach = 0;

	constructor(
		private readonly current: ReadonlyMap<string, Generation>,
		private readonly options: MergingOptions,
	) {}

	/** An adapter was asked for. */
	used(name: string, texts: number): void {
		this.#heat.add(name, texts);
		this.consider(name);
	}

	/** Merges an adapter if it has earned it, and nothing else is being merged. */
	consider(name: string): void {
		const generation = this.current.get(name);
		if (this.#working || !generation || generation.mergedBytes > 0 || generation.cannotMerge) return;
		if (!this.options.pinned.has(name) && this.#heat.of(name) < HOT_TEXTS) return;
		if (!this.#room(name)) return;
		this.#working = this.#merge(name, generation).finally(() => {
			this.#working = undefined;
		});
	}

	forget(name: string): void {
		this.#heat.forget(name);
		this.count();
	}

	/** Waits for what is under way. */
	async settled(): Promise<void> {
		await this.#working;
	}

	count(): void {
		this.options.metrics.adapterMerged.set(this.#merged().length);
	}

	#merged(): Generation[] {
		return [...this.current.values()].filter(({ mergedBytes }) => mergedBytes > 0);
	}

	/** Who would have to give way for `name`; undefined if nobody may. */
	#room(name: string): Generation[] | undefined {
		const { budgetBytes, pinned } = this.options;
		if (this.#bytesEach > budgetBytes || budgetBytes === 0) return undefined;
		const merged = this.#merged().sort((a, b) => this.#heat.of(a.about.name) - this.#heat.of(b.about.name));
		let bytes = merged.reduce((sum, { mergedBytes }) => sum + mergedBytes, this.#bytesEach);
		const giveWay: Generation[] = [];
		for (const generation of merged) {
			if (bytes <= budgetBytes) break;
			const { name: other } = generation.about;
			if (pinned.has(other) || (!pinned.has(name) && this.#heat.of(name) < CLEARLY * this.#heat.of(other))) continue;
			giveWay.push(generation);
			bytes -= generation.mergedBytes;
		}
		return bytes <= budgetBytes ? giveWay : undefined;
	}

	async #merge(name: string, generation: Generation): Promise<void> {
		const { logger, driftLimit, gap, budgetBytes } = this.options;
		const started = performance.now();
		const facts = { adapter: name, generation: generation.number };
		try {
			const merged = await generation.merge();
			this.#bytesEach = merged.residentBytes;
			const factors = await generation.acquireFactors();
			const apart = await gap(factors.adapter, merged).finally(() => factors.release());
			const giveWay = this.#room(name);
			if (!(apart <= driftLimit) || !giveWay) {
				generation.cannotMerge = !(apart <= driftLimit);
				merged.dispose();
				const why = { ...facts, gap: apart, bytes: this.#bytesEach, budget_bytes: budgetBytes };
				logger.warn(why, "adapter is not merged; its factors serve as before");
				return;
			}
			for (const other of giveWay) {
				other.unmerge();
				logger.info({ adapter: other.about.name, generation: other.number }, "adapter is no longer merged");
			}
			if (!generation.adopt(merged)) return;
			this.count();
			logger.info({ ...facts, gap: apart, ms: Math.round(performance.now() - started) }, "adapter is merged");
		} catch (error) {
			generation.cannotMerge = true;
			const { reason, message } = toDakError(error);
			logger.warn({ ...facts, reason, detail: message }, "adapter is not merged; its factors serve as before");
		}
	}
}
