/**
 * The base model as serving holds it: the encoder's linear weights in NF4 or in what a compute mode makes of them,
 * everything else as it is. What is not `fixed` is fed to the graphs in place, so that any number of compiled graphs share
 * one copy.
 */
import { cast, type Graph, type Shape, type Value } from "../../graph/index.js";
import { type BaseModel, layoutOf, plainTensors } from "../../models/index.js";
import { type Feeds, Tensor } from "../../runtime/index.js";
import type { ComputeMode } from "./compute.js";
import { type Nf4Linear, packNf4 } from "./nf4-linears.js";
import { packLinear } from "./pack-linear.js";
import { allServedLayers, type ServedLayer } from "./served-layers.js";

/** A graph input's value in memory that can move between threads. */
export interface PackedTensor {
	readonly input: string;
	readonly dtype: "float32" | "float16" | "uint8" | "int8";
	readonly dims: readonly number[];
	/** float16 as its bits. */
	readonly data: Float32Array | Uint16Array | Uint8Array | Int8Array;
	/** Part of the graph rather than fed to it: kernels of 8-bit weights lay them out once, when the graph is compiled. */
	readonly fixed?: true;
	/** Neither part of the graph nor fed to it: the word embeddings, whose rows are looked up for each batch. */
	readonly lookedUp?: true;
}

/** What every run of a graph is fed with: all that is neither part of the graph nor looked up for each batch. */
export function baseFeeds(base: readonly PackedTensor[]): Feeds {
	const fed = base.filter(({ fixed, lookedUp }) => !fixed && !lookedUp);
	return Object.fromEntries(fed.map(({ input, dtype, dims, data }) => [input, new Tensor(dtype, data as never, [...dims])]));
}

/** The word embeddings of token ids. @shape ids [T] → [T,D] */
export function wordRows(base: readonly PackedTensor[], ids: Int32Array): Tensor {
	const table = base.find(({ lookedUp }) => lookedUp)!;
	const size = table.dims[1]!;
	const rows = table.dtype === "float16" ? new Uint16Array(ids.length * size) : new Float32Array(ids.length * size);
	const all = table.data as typeof rows;
	for (let i = 0; i < ids.length; i++) rows.set(all.subarray(ids[i]! * size, (ids[i]! + 1) * size), i * size);
	return new Tensor(table.dtype, rows as never, [ids.length, size]);
}

/** Declares the base's tensors as a graph asks for them. */
export class BaseInputs {
	readonly #values = new Map<string, Value>();
	readonly #base: ReadonlyMap<string, PackedTensor>;

	/** Whether the word embeddings are in half precision. */
	readonly #halfWords: boolean;

	constructor(
		private readonly graph: Graph,
		base: readonly PackedTensor[],
	) {
		this.#halfWords = base.some(({ lookedUp, dtype }) => lookedUp && dtype === "float16");
		this.#base = new Map(base.map((tensor) => [tensor.input, tensor]));
	}

	/** The tokens' word embeddings (`wordRows`). @shape → [T,D] */
	words(hiddenSize: number): Value {
		const words = this.graph.input("texts.words", this.#halfWords ? "float16" : "float32", ["T", hiddenSize]);
		return this.#halfWords ? cast(words, "float32") : words;
	}

	tensor(name: string, shape: readonly number[], dtype: PackedTensor["dtype"] = "float32"): Value {
		const known = this.#values.get(name);
		if (known) return known;
		const packed = this.#base.get(name);
		const value = packed?.fixed
			? this.graph.constant(name, dtype, shape, packed.data as never)
			: this.graph.input(name, dtype, shape as Shape);
		this.#values.set(name, value);
		return value;
	}
}

/** Reads a base model and packs it, one tensor at a time. @throws INVALID_MODEL for a tensor that cannot be read */
export function packBase(base: BaseModel, compute: ComputeMode = "fp32"): PackedTensor[] {
	return [packWords(base), ...packEncoder(base, compute, packNf4(base))];
}

/** All but the word embeddings. */
export function packEncoder(base: BaseModel, compute: ComputeMode, nf4: readonly Nf4Linear[]): PackedTensor[] {
	const plain = (input: string): PackedTensor => {
		const dims = base.weights.tensors.get(input)?.shape ?? [];
		return { input, dtype: "float32", dims, data: base.weights.float32(input) };
	};
	const biases = ({ path, parts, outFeatures, bias }: ServedLayer): PackedTensor[] => {
		if (!bias) return [];
		const data = Float32Array.from(parts.flatMap((part) => [...base.weights.float32(`${part.path}.bias`)]));
		return [{ input: `${path}.bias`, dtype: "float32", dims: [outFeatures], data }];
	};
	return [
		...[...plainTensors(base.encoder).keys()].map(plain),
		...allServedLayers(base.encoder).flatMap(biases),
		...nf4.flatMap((layer) => packLinear(layer, compute)),
	];
}

/** Rows that are read at a time: a vocabulary of 250,037 is never in memory twice. */
const ROWS_AT_ONCE = 4096;

/**
 * The word embeddings, the largest tensor by far, in memory that threads share: in half precision where the model's file has
 * them so, which loses nothing, else fp32.
 */
export function packWords({ weights, encoder }: BaseModel): PackedTensor {
	const { words: input } = layoutOf(encoder);
	const dims = [encoder.vocabSize, encoder.hiddenSize] as const;
	const half = weights.tensors.get(input)?.dtype === "F16";
	const memory = new SharedArrayBuffer(dims[0] * dims[1] * (half ? 2 : 4));
	if (half) {
		new Uint8Array(memory).set(weights.bytes(input).data);
		return { input, dtype: "float16", dims, data: new Uint16Array(memory), lookedUp: true };
	}
	const data = new Float32Array(memory);
	for (let from = 0; from < dims[0]; from += ROWS_AT_ONCE) {
		const count = Math.min(ROWS_AT_ONCE, dims[0] - from);
		const rows = Int32Array.from({ length: count }, (_, i) => from + i);
		data.set(weights.rows(input, rows), from * dims[1]);
	}
	return { input, dtype: "float32", dims, data, lookedUp: true };
}
