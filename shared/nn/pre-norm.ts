/**
 * Encoders whose norms come before their blocks (ModernBERT, Qwen3): rotary positions, a gated feed-forward block, a last
 * norm. Written once, in blocks that training, serving and export each lower in their own way.
 * @source Su et al. 2021 (RoFormer); names as transformers' models have them (layoutOf)
 */
import { add, cast, matmul, mul, onnx, reshape, rmsNorm, type Value } from "../graph/index.js";
import { type EncoderConfig, type LayerLayout, type Layout, type LinearLayer, layoutOf } from "../models/index.js";
import { type Heads, headsOf } from "./layers.js";

/** What the encoder is made of. Shapes are those of packed rows, [T,·]; exports have [B,S,·]. */
export interface PreNormBlocks {
	/** Rows of the word embeddings. */
	words(): Value;
	/** Each token's place in its text. @shape int64 or float32 [T], or [S] where texts lie in rows of their own */
	positions(): Value;
	linear(layer: LinearLayer, x: Value): Value;
	/** Products of layers over one input, end to end and cut into parts of these sizes. */
	parts(layers: readonly LinearLayer[], x: Value, sizes: readonly number[]): Value[];
	norm(path: string, x: Value): Value;
	/** A frozen tensor. */
	tensor(name: string, shape: readonly number[]): Value;
	/** @shape q [T,heads·size], k, v [T,kvHeads·size] → [T,heads·size] */
	attention(q: Value, k: Value, v: Value, layer: number): Value;
	/** The configuration's activation. */
	activation(x: Value): Value;
	/** Runs a layer. */
	layer?(x: Value, build: (x: Value) => Value): Value;
	/** After each self-attention block. */
	afterAttention?: ((states: Value, layer: number) => Value) | undefined;
}

class PreNorm {
	readonly #layout: Layout;
	readonly #heads: Heads;
	readonly #turns: { readonly whole: Turn; readonly local: Turn };
	readonly #half: Value;

	constructor(
		private readonly config: EncoderConfig,
		private readonly blocks: PreNormBlocks,
	) {
		this.#layout = layoutOf(config);
		this.#heads = headsOf(config);
		const { theta, localTheta } = config.rotary!;
		const positions = blocks.positions();
		const whole = turn(positions, theta, this.#heads.size);
		this.#turns = { whole, local: localTheta === theta ? whole : turn(positions, localTheta, this.#heads.size) };
		this.#half = rotateHalf(positions.graph, this.#heads.size);
	}

	run(): Value {
		const { blocks } = this;
		const { embeddingNorm, finalNorm, layers } = this.#layout;
		const words = blocks.words();
		const first = embeddingNorm === undefined ? words : blocks.norm(embeddingNorm, words);
		const run = blocks.layer ?? ((x: Value, build: (x: Value) => Value) => build(x));
		const last = layers.reduce((x, layout, layer) => run.call(blocks, x, (before) => this.#layer(before, layout, layer)), first);
		return finalNorm === undefined ? last : blocks.norm(finalNorm, last);
	}

	#layer(x: Value, layout: LayerLayout, layer: number): Value {
		const { blocks, config } = this;
		const { attentionNorm, outputNorm, mixed, wide, narrow } = layout;
		const attended = this.#attention(attentionNorm === undefined ? x : blocks.norm(attentionNorm, x), layout, layer);
		const states = add(x, blocks.linear(mixed, attended));
		const crossed = blocks.afterAttention?.(states, layer) ?? states;
		const { intermediateSize } = config;
		const [gate, up] = blocks.parts(wide, blocks.norm(outputNorm, crossed), [intermediateSize, intermediateSize]);
		return add(crossed, blocks.linear(narrow, mul(blocks.activation(gate!), up!)));
	}

	#attention(x: Value, { attention, headNorms }: LayerLayout, layer: number): Value {
		const { heads, kvHeads, size } = this.#heads;
		const [q, k, v] = this.blocks.parts(attention, x, [heads * size, kvHeads * size, kvHeads * size]);
		const { whole, local } = this.#turns;
		const turned = this.config.localAttention?.layers[layer] ? local : whole;
		const place = (part: Value, count: number, norm: string | undefined) => this.#place(part, count, norm, turned);
		return this.blocks.attention(place(q!, heads, headNorms?.query), place(k!, kvHeads, headNorms?.key), v!, layer);
	}

	/** Queries or keys with their positions: x·cos + rotateHalf(x)·sin of each head. */
	#place(x: Value, count: number, norm: string | undefined, { cos, sin }: Turn): Value {
		const { size } = this.#heads;
		const kept = x.shape.slice(1).map(() => 0);
		const split = reshape(x, [...kept, count, size]);
		const heads = norm === undefined ? split : rmsNorm(split, this.blocks.tensor(`${norm}.weight`, [size]), this.config.layerNormEps);
		const turned = add(mul(heads, cos), mul(matmul(heads, this.#half), sin));
		return reshape(turned, [...kept, count * size]);
	}
}

interface Turn {
	readonly cos: Value;
	readonly sin: Value;
}

/** Angles of each position: its multiples of θ^(−2i/size), for both halves of a head. @shape positions [T] → [T,1,size] */
function turn(positions: Value, theta: number, size: number): Turn {
	const { graph } = positions;
	const frequencies = Float32Array.from({ length: size }, (_, i) => 1 / Math.fround(theta ** ((2 * (i % (size / 2))) / size)));
	const numbers = positions.dtype === "float32" ? positions : cast(positions, "float32");
	const places = reshape(numbers, [-1, 1, 1], positions.shape[0]);
	const angles = mul(places, graph.constant("frequencies", "float32", [size], frequencies));
	const of = (opType: string) => onnx([angles], { opType, domain: "", attributes: {}, outputs: [angles] })[0]!;
	return { cos: of("Cos"), sin: of("Sin") };
}

/** (x₁, x₂) → (−x₂, x₁) as a product, which has a derivative without slicing and joining. @shape [size,size] */
function rotateHalf(graph: Value["graph"], size: number): Value {
	const half = size / 2;
	const matrix = new Float32Array(size * size);
	for (let i = 0; i < half; i++) {
		matrix[(i + half) * size + i] = -1;
		matrix[i * size + i + half] = 1;
	}
	return graph.constant("rotate_half", "float32", [size, size], matrix);
}

/** The encoder's token states. */
export const preNormStates = (config: EncoderConfig, blocks: PreNormBlocks): Value => new PreNorm(config, blocks).run();
