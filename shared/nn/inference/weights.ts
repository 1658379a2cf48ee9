/**
 * The base model as serving holds it: the encoder's linear weights in NF4 or in what a compute mode makes of them,
 * everything else as it is. What is not `fixed` is fed to the graphs in place, so that any number of compiled graphs share
 * one copy.
 */
import type { Graph, Shape, Value } from "../../graph/index.js";
import { cast, gather } from "../../graph/index.js";
import { type BaseModel, layoutOf, plainTensors } from "../../models/index.js";
import type { ComputeMode } from "./compute.js";
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
}

/** Declares the base's tensors as a graph asks for them. */
export class BaseInputs {
	readonly #values = new Map<string, Value>();
	readonly #base: ReadonlyMap<string, PackedTensor>;

	constructor(
		private readonly graph: Graph,
		base: readonly PackedTensor[],
		/** Name of the word embeddings. */
		private readonly table: string,
	) {
		this.#base = new Map(base.map((tensor) => [tensor.input, tensor]));
	}

	/** Rows of the word embeddings by token id. */
	words(ids: Value, rows: number, hiddenSize: number): Value {
		const half = this.#base.get(this.table)?.dtype === "float16";
		const words = gather(this.tensor(this.table, [rows, hiddenSize], half ? "float16" : "float32"), ids);
		return half ? cast(words, "float32") : words;
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

/** Reads and packs a base model, one tensor at a time. @throws INVALID_MODEL for a tensor that cannot be read */
export function packBase(base: BaseModel, compute: ComputeMode = "fp32"): PackedTensor[] {
	const plain = (input: string): PackedTensor => {
		const dims = base.weights.tensors.get(input)?.shape ?? [];
		return { input, dtype: "float32", dims, data: base.weights.float32(input) };
	};
	const linear = ({ path, parts, inFeatures, outFeatures, bias }: ServedLayer): PackedTensor[] => {
		const weights = parts.map((part) => ({
			values: base.weights.float32(`${part.path}.weight`),
			shape: [part.outFeatures, inFeatures] as const,
		}));
		const packed = packLinear(path, weights, compute);
		if (!bias) return packed;
		const data = Float32Array.from(parts.flatMap((part) => [...base.weights.float32(`${part.path}.bias`)]));
		return [...packed, { input: `${path}.bias`, dtype: "float32", dims: [outFeatures], data }];
	};
	const { words } = layoutOf(base.encoder);
	return [
		packWords(base, words) ?? plain(words),
		...[...plainTensors(base.encoder).keys()].map(plain),
		...allServedLayers(base.encoder).flatMap(linear),
	];
}

/**
 * The word embeddings' halves as they stand in the file; undefined where it has another type. The largest tensor by far:
 * kept in half precision where the file has it so, which loses nothing.
 */
function packWords({ weights }: BaseModel, words: string): PackedTensor | undefined {
	if (weights.tensors.get(words)?.dtype !== "F16") return undefined;
	const { shape, data } = weights.bytes(words);
	const bits = data.byteOffset % 2 === 0 ? data : data.slice();
	return { input: words, dtype: "float16", dims: shape, data: new Uint16Array(bits.buffer, bits.byteOffset, bits.byteLength / 2) };
}
