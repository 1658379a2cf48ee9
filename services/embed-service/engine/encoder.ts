/** The compiled encoder with its base weights and resident adapters: what the worker thread owns. */
import { linearLayers } from "@dak/shared/models";
import { type AdapterMode, buildEmbedGraph, loraAInput, loraBInput, Packing, planTiles, wordType } from "@dak/shared/nn/inference";
import { type Feeds, float32, int64, Session, Tensor } from "@dak/shared/runtime";
import type { BatchMessage, EngineSettings, LayerFactors } from "./protocol.js";

type Layer = ReturnType<typeof linearLayers>[number];

/** A resident adapter's factors by layer. */
type Factors = ReadonlyMap<string, LayerFactors>;

interface Stack {
	/** Which adapters it holds, in order. */
	readonly key: string;
	readonly feeds: Feeds;
}

export class EmbedEncoder {
	readonly #adapters = new Map<number, Factors>();
	readonly #layers: readonly Layer[];
	#stack: Stack | undefined;

	private constructor(
		private readonly settings: EngineSettings,
		private readonly sessions: Readonly<Record<AdapterMode, Session>>,
		private readonly base: Feeds,
	) {
		this.#layers = linearLayers(settings.config);
	}

	/** @throws RUNTIME_FAILED if a graph does not compile */
	static async create(settings: EngineSettings): Promise<EmbedEncoder> {
		const { config, device, threads } = settings;
		const words = wordType(settings.base);
		const session = (mode: AdapterMode) => Session.create(buildEmbedGraph(config, mode, words), { device, threads, memory: "fast" });
		const sessions = { none: await session("none"), one: await session("one"), tiles: await session("tiles") };
		const base = Object.fromEntries(settings.base.map(({ input, dtype, dims, data }) => [input, new Tensor(dtype, data, [...dims])]));
		return new EmbedEncoder(settings, sessions, base);
	}

	add(adapter: number, layers: readonly LayerFactors[]): void {
		this.#adapters.set(adapter, new Map(layers.map((layer) => [layer.path, layer])));
	}

	remove(adapter: number): void {
		this.#adapters.delete(adapter);
		this.#stack = undefined;
	}

	/** @shape → [B,D] row-major, in the batch's order */
	async embed(batch: BatchMessage): Promise<Float32Array> {
		const used = [...new Set(batch.adapters)];
		if (used.length > 1) return this.#run("tiles", batch, this.#tiled(batch, used));
		return used[0] === 0 || used.length === 0 ? this.#run("none", batch, {}) : this.#run("one", batch, this.#single(used[0]!));
	}

	async #run(mode: AdapterMode, { ids, lengths }: BatchMessage, adapters: Feeds): Promise<Float32Array> {
		const packing = new Packing(split(ids, lengths));
		const { vectors } = await this.sessions[mode].run({
			...this.base,
			...adapters,
			...packing.feeds("texts"),
			"texts.mask": packing.paddingMask(),
			"texts.pool": this.#pool(lengths, packing.longest),
		});
		return vectors!.data as Float32Array;
	}

	/** Weights that make a text's vector from its padded states. @shape [B,1,S] */
	#pool(lengths: readonly number[], longest: number): Tensor {
		const weights = new Float32Array(lengths.length * longest);
		lengths.forEach((length, text) => {
			const start = text * longest;
			if (this.settings.pooling === "cls") weights[start] = 1;
			else weights.fill(1 / length, start, start + length);
		});
		return float32(weights, [lengths.length, 1, longest]);
	}

	#factors(adapter: number): Factors {
		const factors = this.#adapters.get(adapter);
		if (!factors) throw new Error(`adapter ${adapter} is not resident`);
		return factors;
	}

	/** The adapter's own buffers; layers that it leaves alone get zeros of rank 1. */
	#single(adapter: number): Feeds {
		return this.#stacked(`${adapter}`, [adapter], []);
	}

	#tiled({ lengths, adapters }: BatchMessage, used: readonly number[]): Feeds {
		const adapted = used.filter((adapter) => adapter !== 0);
		const plan = planTiles(
			lengths,
			adapters.map((adapter) => adapted.indexOf(adapter)),
		);
		const tiles = plan.adapters.map((i) => adapted[i]!);
		return {
			...this.#stacked(`tiles ${tiles.join(" ")}`, tiles, [tiles.length]),
			tile_index: int64(plan.index, [tiles.length, plan.rowsPerTile]),
			tile_pack: int64(plan.pack, [plan.pack.length]),
		};
	}

	/** Factors of adapters laid behind each other; kept for the next batch, which often has the same ones. */
	#stacked(key: string, adapters: readonly number[], leading: readonly number[]): Feeds {
		if (this.#stack?.key === key) return this.#stack.feeds;
		const factors = adapters.map((adapter) => this.#factors(adapter));
		const feeds: Record<string, Tensor> = {};
		for (const { path, inFeatures, outFeatures } of this.#layers) {
			const parts = factors.map((of) => of.get(path));
			const r = Math.max(1, ...parts.map((part) => part?.r ?? 0));
			const stack = (side: "a" | "b", size: number) =>
				float32(
					concatenate(
						parts.map((part) => part?.[side]),
						r * size,
					),
					[...leading, r, size],
				);
			feeds[loraAInput(path)] = stack("a", inFeatures);
			feeds[loraBInput(path)] = stack("b", outFeatures);
		}
		this.#stack = { key, feeds };
		return feeds;
	}

	async dispose(): Promise<void> {
		await Promise.all(Object.values(this.sessions).map((session) => session.dispose()));
	}
}

function split(ids: Int32Array, lengths: readonly number[]): Int32Array[] {
	let end = 0;
	return lengths.map((length) => {
		end += length;
		return ids.subarray(end - length, end);
	});
}

/** Parts at multiples of `size`, zeros where a part is absent or short (a lower rank's missing rows are zero rows). */
function concatenate(parts: readonly (Float32Array | undefined)[], size: number): Float32Array {
	if (parts.length === 1 && parts[0]?.length === size) return parts[0];
	const all = new Float32Array(parts.length * size);
	parts.forEach((part, i) => {
		if (part) all.set(part, i * size);
	});
	return all;
}
