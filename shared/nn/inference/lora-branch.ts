/**
 * What adapters add to a linear layer's output, from factors that each run is fed with. Ranks come in blocks of 16, the first
 * product block by block: how a matrix product adds up depends on its width, and with it the last bit of a text's vector
 * would depend on its mates' ranks, and so would its rounding to 8 bits.
 */
import { concat, type Graph, gather, matmul, padRows, reshape, transpose, type Value } from "../../graph/index.js";
import type { ServedLayer } from "./served-layers.js";

/**
 * none: the base. one: every text with the same adapter. tiles: rows of each adapter in tiles of their own, base rows in
 * none (tiles.ts).
 */
export type AdapterMode = "none" | "one" | "tiles";

export const loraAInput = (path: string): string => `${path}.lora_A`;
export const loraBInput = (path: string): string => `${path}.lora_B`;

/** Ranks of one block; factors of other ranks are filled up with zeros. */
export const RANK_BLOCK = 16;

type Part = ServedLayer["parts"][number];

export abstract class LoraBranch {
	constructor(protected readonly graph: Graph) {}

	/** @shape x [T,K] → [T,N] */
	delta({ parts }: ServedLayer, x: Value): Value {
		const deltas = parts.map((part) => this.part(part, x));
		return deltas.length === 1 ? deltas[0]! : concat(deltas, 1);
	}

	protected abstract part(part: Part, x: Value): Value;
}

/** Factors of the batch's one adapter. @shape A [C,16,K], B [16·C,N], the scale in B */
class OneAdapter extends LoraBranch {
	protected part({ path, outFeatures }: Part, x: Value): Value {
		const [c, r] = [`C:${path}`, `R:${path}`];
		const a = this.graph.input(loraAInput(path), "float32", [c, RANK_BLOCK, x.shape[1]!]);
		const b = this.graph.input(loraBInput(path), "float32", [r, outFeatures]);
		const narrow = transpose(matmul(x, a, { transB: true }), [1, 0, 2]);
		return matmul(reshape(narrow, [0, -1], r), b);
	}
}

/** Factors of each tile's adapter. @shape A [E,C,16,K], B [E,16·C,N], tileIndex [E,M], tilePack [T] */
class TiledAdapters extends LoraBranch {
	readonly #tileIndex = this.graph.input("tile_index", "int64", ["E", "M"]);
	readonly #tilePack = this.graph.input("tile_pack", "int64", ["T"]);
	readonly #tiled = new Map<Value, Value>();

	protected part({ path, outFeatures }: Part, x: Value): Value {
		const [c, r] = [`C:${path}`, `R:${path}`];
		const a = this.graph.input(loraAInput(path), "float32", ["E", c, RANK_BLOCK, x.shape[1]!]);
		const b = this.graph.input(loraBInput(path), "float32", ["E", r, outFeatures]);
		const narrow = transpose(matmul(this.#tiles(x), a, { transB: true }), [0, 2, 1, 3]);
		const products = matmul(reshape(narrow, [0, 0, -1], r), b);
		return gather(reshape(products, [-1, outFeatures], "E*M"), this.#tilePack);
	}

	/** Query, key and value have the same input: its tiles are made once. @shape → [E,1,M,K] */
	#tiles(x: Value): Value {
		const known = this.#tiled.get(x);
		if (known) return known;
		const tiles = reshape(padRows(x, this.#tileIndex, this.#tilePack), [0, 1, -1, x.shape[1] as number], "M");
		this.#tiled.set(x, tiles);
		return tiles;
	}
}

export function loraBranch(mode: AdapterMode, graph: Graph): LoraBranch | undefined {
	if (mode === "none") return undefined;
	return mode === "one" ? new OneAdapter(graph) : new TiledAdapters(graph);
}
