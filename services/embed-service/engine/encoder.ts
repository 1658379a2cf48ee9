/**
 * The compiled encoder with its base weights and resident adapters: what a worker thread owns. An adapter is held as factors,
 * which share the base's products with every other text of a batch, or merged into a graph of its own, which costs what the
 * base costs; which of the two is a matter of its number, so that a text's vector never depends on its batch mates.
 */
import { linearLayers } from "@dak/shared/models";
import {
	type AdapterMode,
	baseFeeds,
	buildEmbedGraph,
	loraAInput,
	loraBInput,
	planTiles,
	poolStates,
	RANK_BLOCK,
	TextRows,
} from "@dak/shared/nn/inference";
import { type Feeds, float32, int64, Session, type Tensor } from "@dak/shared/runtime";
import { inChunks, inParts } from "./chunks.js";
import type { BatchMessage, EngineSettings, LayerFactors } from "./protocol.js";

type Layer = ReturnType<typeof linearLayers>[number];

/**
 * Most tokens that a merged adapter's graph runs at once. Such graphs have no arena, which costs nothing as long as the
 * blocks that they ask for are small.
 */
const MERGED_TOKENS = 256;

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
	readonly #merged = new Map<number, Session>();
	readonly #sessions = new Map<AdapterMode, Promise<Session>>();
	readonly #base: Feeds;
	#stack: Stack | undefined;

	private constructor(private readonly settings: EngineSettings) {
		this.#layers = linearLayers(settings.config);
		this.#base = baseFeeds(settings.base);
	}

	/** @throws RUNTIME_FAILED if the base's graph does not compile */
	static async create(settings: EngineSettings): Promise<EmbedEncoder> {
		const encoder = new EmbedEncoder(settings);
		await encoder.#session("none");
		return encoder;
	}

	add(adapter: number, layers: readonly LayerFactors[]): void {
		this.#adapters.set(adapter, new Map(layers.map((layer) => [layer.path, layer])));
	}

	/** @param model the graph's bytes · @throws RUNTIME_FAILED if it does not compile */
	async addMerged(adapter: number, model: SharedArrayBuffer): Promise<void> {
		const { device } = this.settings;
		// ONNX Runtime's binding takes no shared memory. Dozens of these graphs may live: none keeps an arena or threads of its own.
		this.#merged.set(adapter, await Session.create(new Uint8Array(model).slice(), { device, threads: 1, memory: "lean" }));
	}

	async remove(adapter: number): Promise<void> {
		const merged = this.#merged.get(adapter);
		this.#merged.delete(adapter);
		await merged?.dispose();
		if (this.#adapters.delete(adapter)) this.#stack = undefined;
	}

	/** @shape → [B,D] row-major, in the batch's order */
	embed(batch: BatchMessage): Promise<Float32Array> {
		return inChunks(batch, this.#dimension, (part) => this.#embed(part));
	}

	/** Texts of merged adapters run adapter by adapter, all others together. */
	async #embed(batch: BatchMessage): Promise<Float32Array> {
		const groups = new Map<number, number[]>();
		batch.adapters.forEach((adapter, text) => {
			const group = this.#merged.has(adapter) ? adapter : 0;
			const texts = groups.get(group);
			if (texts) texts.push(text);
			else groups.set(group, [text]);
		});
		return inParts(batch, [...groups.values()], this.#dimension, (part) => {
			const merged = this.#merged.get(part.adapters[0]!);
			if (!merged) return this.#runShared(part);
			return inChunks(part, this.#dimension, (piece) => this.#runIn(merged, piece, {}), MERGED_TOKENS);
		});
	}

	get #dimension(): number {
		return this.settings.config.hiddenSize;
	}

	async #runShared(batch: BatchMessage): Promise<Float32Array> {
		const used = [...new Set(batch.adapters)];
		if (used.length > 1) return this.#run("tiles", batch, this.#tiled(batch, used));
		return used[0] === 0 || used.length === 0 ? this.#run("none", batch, {}) : this.#run("one", batch, this.#single(used[0]!));
	}

	/** Compiled when first needed: a base without adapters needs one graph of three. */
	#session(mode: AdapterMode): Promise<Session> {
		const known = this.#sessions.get(mode);
		if (known) return known;
		const { config, device, threads, compute, base } = this.settings;
		const session = Session.create(buildEmbedGraph(config, mode, compute, base), { device, threads, memory: "fast" });
		this.#sessions.set(mode, session);
		return session;
	}

	async #run(mode: AdapterMode, batch: BatchMessage, adapters: Feeds): Promise<Float32Array> {
		return this.#runIn(await this.#session(mode), batch, adapters);
	}

	/** Texts share rows of attention, where one that is not finite would spoil the others: then each has its own. */
	async #runIn(session: Session, batch: BatchMessage, adapters: Feeds): Promise<Float32Array> {
		const rows = new TextRows(batch.lengths);
		const vectors = await this.#runRows(session, batch, rows, adapters);
		if (!rows.shared || vectors.every(Number.isFinite)) return vectors;
		return this.#runRows(session, batch, new TextRows(batch.lengths, false), adapters);
	}

	async #runRows(session: Session, { ids, lengths }: BatchMessage, rows: TextRows, adapters: Feeds): Promise<Float32Array> {
		const { config, pooling, base } = this.settings;
		const { states } = await session.run({ ...this.#base, ...adapters, ...rows.feeds(ids, config.heads, base) });
		return poolStates(states!.data as Float32Array, lengths, config.hiddenSize, pooling);
	}

	#factors(adapter: number): Factors {
		const factors = this.#adapters.get(adapter);
		if (!factors) throw new Error(`adapter ${adapter} is not resident`);
		return factors;
	}

	/** The adapter's own buffers; layers that it leaves alone get zeros. */
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
			const blocks = Math.max(1, ...parts.map((part) => Math.ceil((part?.r ?? 0) / RANK_BLOCK)));
			const r = blocks * RANK_BLOCK;
			const stack = (side: "a" | "b", size: number) =>
				concatenate(
					parts.map((part) => part?.[side]),
					r * size,
				);
			feeds[loraAInput(path)] = float32(stack("a", inFeatures), [...leading, blocks, RANK_BLOCK, inFeatures]);
			feeds[loraBInput(path)] = float32(stack("b", outFeatures), [...leading, r, outFeatures]);
		}
		this.#stack = { key, feeds };
		return feeds;
	}

	async dispose(): Promise<void> {
		for (const session of this.#merged.values()) await session.dispose();
		for (const session of this.#sessions.values()) await (await session).dispose();
	}
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
