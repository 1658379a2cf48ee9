/**
 * The base model as serving holds it: the encoder's linear weights in NF4, everything else as it is. All of it is fed to
 * the graphs in place, so that any number of compiled graphs share one copy.
 */
import type { Graph, Shape, Value } from "../../graph/index.js";
import { cast, gather } from "../../graph/index.js";
import { type BaseModel, type EncoderConfig, linearLayers } from "../../models/index.js";
import { dequantizeAbsmax, quantizeNf4 } from "../../quantization/index.js";

/** A graph input's value in memory that can move between threads. */
export interface PackedTensor {
	readonly input: string;
	readonly dtype: "float32" | "float16" | "uint8";
	readonly dims: readonly number[];
	/** float16 as its bits. */
	readonly data: Float32Array | Uint16Array | Uint8Array;
}

/** The largest tensor by far; kept in half precision where the model's file has it so, which loses nothing. */
const WORDS = "embeddings.word_embeddings.weight";

/** How a packed base holds its word embeddings. */
export function wordType(base: readonly PackedTensor[]): "float32" | "float16" {
	return base.some(({ input, dtype }) => input === WORDS && dtype === "float16") ? "float16" : "float32";
}

const codesInput = (path: string): string => `${path}.weight.codes`;
const absmaxInput = (path: string): string => `${path}.weight.absmax`;

/** Declares the base's inputs as a graph asks for them. */
export class BaseInputs {
	readonly #values = new Map<string, Value>();

	constructor(private readonly graph: Graph) {}

	/** Rows of the word embeddings by token id. */
	words(ids: Value, rows: number, hiddenSize: number, dtype: "float32" | "float16"): Value {
		const words = gather(this.#declare(WORDS, dtype, [rows, hiddenSize]), ids);
		return dtype === "float16" ? cast(words, "float32") : words;
	}

	/** A tensor that is not quantised. */
	tensor(name: string, shape: Shape): Value {
		return this.#declare(name, "float32", shape);
	}

	/** The two parts of a linear layer's weight. @shape codes [N·K/2], absmax [N·K/64] */
	linear(path: string, outFeatures: number, inFeatures: number): { readonly codes: Value; readonly absmax: Value } {
		const size = outFeatures * inFeatures;
		return {
			codes: this.#declare(codesInput(path), "uint8", [size / 2]),
			absmax: this.#declare(absmaxInput(path), "float32", [size / 64]),
		};
	}

	#declare(name: string, dtype: PackedTensor["dtype"], shape: Shape): Value {
		const known = this.#values.get(name);
		if (known) return known;
		const value = this.graph.input(name, dtype, shape);
		this.#values.set(name, value);
		return value;
	}
}

function plainTensors({ layers }: EncoderConfig): string[] {
	const norms = ["embeddings.LayerNorm"];
	for (let i = 0; i < layers; i++) norms.push(`encoder.layer.${i}.attention.output.LayerNorm`, `encoder.layer.${i}.output.LayerNorm`);
	return [
		...["position", "token_type"].map((kind) => `embeddings.${kind}_embeddings.weight`),
		...norms.flatMap((norm) => [`${norm}.weight`, `${norm}.bias`]),
	];
}

/** Reads and packs a base model, one tensor at a time. @throws INVALID_MODEL for a tensor that cannot be read */
export function packBase(base: BaseModel): PackedTensor[] {
	const plain = (input: string): PackedTensor => {
		const dims = base.weights.tensors.get(input)?.shape ?? [];
		return { input, dtype: "float32", dims, data: base.weights.float32(input) };
	};
	const layers = linearLayers(base.encoder).flatMap(({ path, outFeatures, inFeatures }): PackedTensor[] => {
		const weight = base.weights.float32(`${path}.weight`);
		const packed = quantizeNf4(weight, [outFeatures, inFeatures], { doubleQuant: true });
		const absmax = dequantizeAbsmax(packed);
		return [
			{ input: codesInput(path), dtype: "uint8", dims: [packed.codes.length], data: packed.codes },
			{ input: absmaxInput(path), dtype: "float32", dims: [absmax.length], data: absmax },
			plain(`${path}.bias`),
		];
	});
	return [packWords(base) ?? plain(WORDS), ...plainTensors(base.encoder).map(plain), ...layers];
}

/** The word embeddings' halves as they stand in the file; undefined where it has another type. */
function packWords({ weights }: BaseModel): PackedTensor | undefined {
	if (weights.tensors.get(WORDS)?.dtype !== "F16") return undefined;
	const { shape, data } = weights.bytes(WORDS);
	const bits = data.byteOffset % 2 === 0 ? data : data.slice();
	return { input: WORDS, dtype: "float16", dims: shape, data: new Uint16Array(bits.buffer, bits.byteOffset, bits.byteLength / 2) };
}
