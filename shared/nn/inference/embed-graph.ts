/**
 * The encoder as serving runs it, up to pooled vectors: fused operators over 4-bit weights, texts packed end to end for
 * the linear layers and padded for attention and pooling. No value of one text ever meets another's: rows are independent
 * in every product, attention and pooling work on each text's own padded rows.
 */
import {
	add,
	Graph,
	gather,
	layerNorm,
	matmul,
	onnx,
	packRows,
	padRows,
	reshape,
	serializeGraph,
	softmax,
	transpose,
	type Value,
} from "../../graph/index.js";
import type { EncoderConfig } from "../../models/index.js";
import type { PackedTexts } from "../layers.js";
import { packedInputs } from "../packing.js";
import { BaseInputs } from "./weights.js";

/**
 * none: the base. one: every text with the same adapter. tiles: rows of each adapter in tiles of their own, base rows in
 * none (tiles.ts).
 */
export type AdapterMode = "none" | "one" | "tiles";

export const loraAInput = (path: string): string => `${path}.lora_A`;
export const loraBInput = (path: string): string => `${path}.lora_B`;

const MICROSOFT = "com.microsoft";
/** MatMulBnb4's number for NF4. */
const NF4 = 1;

const gelu = (x: Value): Value =>
	onnx([x], { opType: "Gelu", domain: MICROSOFT, attributes: {}, outputs: [{ dtype: x.dtype, shape: x.shape }] })[0]!;

/** x·Wᵀ with W in NF4. @shape x [T,K] → [T,N] */
function nf4Product(x: Value, weight: { codes: Value; absmax: Value }, n: number): Value {
	const attributes = { K: x.shape[1] as number, N: n, block_size: 64, quant_type: NF4 };
	return onnx([x, weight.codes, weight.absmax], {
		opType: "MatMulBnb4",
		domain: MICROSOFT,
		attributes,
		outputs: [{ dtype: "float32", shape: [x.shape[0]!, n] }],
	})[0]!;
}

/** What an adapter adds to a linear layer's output. */
interface LoraBranch {
	/** @shape x [T,K] → [T,N] */
	delta(path: string, x: Value, outFeatures: number): Value;
}

/** Factors of the batch's one adapter. @shape A [R,K], B [R,N], the scale in B */
class OneAdapter implements LoraBranch {
	constructor(private readonly graph: Graph) {}

	delta(path: string, x: Value, outFeatures: number): Value {
		const a = this.graph.input(loraAInput(path), "float32", [`R:${path}`, x.shape[1]!]);
		const b = this.graph.input(loraBInput(path), "float32", [`R:${path}`, outFeatures]);
		return matmul(matmul(x, a, { transB: true }), b);
	}
}

/** Factors of each tile's adapter. @shape A [E,R,K], B [E,R,N], tileIndex [E,M], tilePack [T] */
class TiledAdapters implements LoraBranch {
	readonly #tileIndex: Value;
	readonly #tilePack: Value;
	readonly #tiled = new Map<Value, Value>();

	constructor(private readonly graph: Graph) {
		this.#tileIndex = graph.input("tile_index", "int64", ["E", "M"]);
		this.#tilePack = graph.input("tile_pack", "int64", ["T"]);
	}

	delta(path: string, x: Value, outFeatures: number): Value {
		const a = this.graph.input(loraAInput(path), "float32", ["E", `R:${path}`, x.shape[1]!]);
		const b = this.graph.input(loraBInput(path), "float32", ["E", `R:${path}`, outFeatures]);
		const products = matmul(matmul(this.#tiles(x), a, { transB: true }), b);
		return gather(reshape(products, [-1, outFeatures], "E*M"), this.#tilePack);
	}

	/** Query, key and value have the same input: its tiles are made once. */
	#tiles(x: Value): Value {
		const known = this.#tiled.get(x);
		if (known) return known;
		const tiles = padRows(x, this.#tileIndex, this.#tilePack);
		this.#tiled.set(x, tiles);
		return tiles;
	}
}

class EmbedGraph {
	readonly graph = new Graph("embed");
	readonly #weights = new BaseInputs(this.graph);
	readonly #texts: PackedTexts;
	readonly #lora: LoraBranch | undefined;

	constructor(
		private readonly config: EncoderConfig,
		mode: AdapterMode,
		private readonly words: "float32" | "float16",
	) {
		this.#texts = packedInputs(this.graph, "texts", ["B", 1, 1, "S"], { rows: "B", longest: "S", tokens: "T" });
		this.#lora = mode === "none" ? undefined : mode === "one" ? new OneAdapter(this.graph) : new TiledAdapters(this.graph);
	}

	build(): Uint8Array {
		let states = this.#embeddings();
		for (let layer = 0; layer < this.config.layers; layer++) states = this.#layer(states, `encoder.layer.${layer}`);
		const pool = this.graph.input("texts.pool", "float32", ["B", 1, "S"]);
		this.graph.output("vectors", reshape(matmul(pool, this.#padded(states)), [0, this.config.hiddenSize]));
		return serializeGraph(this.graph);
	}

	#embeddings(): Value {
		const { hiddenSize, vocabSize, maxPositions, typeVocabSize } = this.config;
		const table = (kind: string, rows: number) => this.#weights.tensor(`embeddings.${kind}_embeddings.weight`, [rows, hiddenSize]);
		const firstType = gather(table("token_type", typeVocabSize), this.graph.constant("first_type", "int64", [1], BigInt64Array.of(0n)));
		const words = this.#weights.words(this.#texts.ids, vocabSize, hiddenSize, this.words);
		const positions = gather(table("position", maxPositions), this.#texts.positions);
		return this.#norm("embeddings.LayerNorm", add(words, add(positions, firstType)));
	}

	#layer(x: Value, path: string): Value {
		const { hiddenSize, intermediateSize } = this.config;
		const [q, k, v] = ["query", "key", "value"].map((name) => this.#linear(`${path}.attention.self.${name}`, x, hiddenSize));
		const attended = this.#linear(`${path}.attention.output.dense`, this.#attention(q!, k!, v!), hiddenSize);
		const states = this.#norm(`${path}.attention.output.LayerNorm`, add(attended, x));
		const wide = gelu(this.#linear(`${path}.intermediate.dense`, states, intermediateSize));
		const narrow = this.#linear(`${path}.output.dense`, wide, hiddenSize);
		return this.#norm(`${path}.output.LayerNorm`, add(narrow, states));
	}

	#linear(path: string, x: Value, outFeatures: number): Value {
		const inFeatures = x.shape[1] as number;
		const product = nf4Product(x, this.#weights.linear(path, outFeatures, inFeatures), outFeatures);
		const frozen = add(product, this.#weights.tensor(`${path}.bias`, [outFeatures]));
		return this.#lora ? add(frozen, this.#lora.delta(path, x, outFeatures)) : frozen;
	}

	#attention(q: Value, k: Value, v: Value): Value {
		const { heads, hiddenSize } = this.config;
		const size = hiddenSize / heads;
		const split = (x: Value) => transpose(reshape(this.#padded(x), [0, 0, heads, size]), [0, 2, 1, 3]);
		const scores = add(matmul(split(q), split(k), { transB: true, alpha: 1 / Math.sqrt(size) }), this.#texts.mask);
		const context = transpose(matmul(softmax(scores), split(v)), [0, 2, 1, 3]);
		return packRows(reshape(context, [0, 0, hiddenSize]), this.#texts.padIndex, this.#texts.packIndex);
	}

	#padded(x: Value): Value {
		return padRows(x, this.#texts.padIndex, this.#texts.packIndex);
	}

	#norm(path: string, x: Value): Value {
		const shape = [this.config.hiddenSize];
		return layerNorm(
			x,
			this.#weights.tensor(`${path}.weight`, shape),
			this.#weights.tensor(`${path}.bias`, shape),
			this.config.layerNormEps,
		);
	}
}

/**
 * ONNX bytes of the encoder with pooling. Inputs: the base's (`packBase`, whose `wordType` is `words`), `texts.*`
 * (`Packing.feeds`, its padding mask, `texts.pool` [B,1,S]) and the adapters' of `mode`. Output `vectors` [B,D], not
 * normalised.
 */
export function buildEmbedGraph(config: EncoderConfig, mode: AdapterMode, words: "float32" | "float16" = "float32"): Uint8Array {
	return new EmbedGraph(config, mode, words).build();
}
