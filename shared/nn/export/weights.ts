/**
 * Weights as an exported graph declares them: inputs at first, which become a part of the file when it is written. Each
 * knows how it is made of the model's tensors, and is made when its turn comes.
 */
import { cast, type Graph, gather, matmul, mul, onnx, type Shape, type StreamedWeight, type Value } from "../../graph/index.js";
import { BLOCK, type Quantized, quantizeBlocks, quantizeRows } from "./int8.js";

/** Where weights come from: a base model's file, or one with an adapter merged in. */
export interface WeightSource {
	/** @throws INVALID_MODEL if there is no such tensor */
	float32(name: string): Float32Array;
}

/** fp32: as they are. int8: linear layers in blocks of 8-bit codes, word embeddings in 8-bit rows. */
export type ExportDtype = "fp32" | "int8";

const bytesOf = (data: Float32Array | Int8Array | Uint8Array): Uint8Array =>
	new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);

export class ExportWeights {
	readonly streamed: StreamedWeight[] = [];
	/** What was quantised last: its codes and its scales are asked for one after the other. */
	#last: { readonly name: string; readonly quantized: Quantized } | undefined;

	constructor(
		private readonly graph: Graph,
		private readonly source: WeightSource,
		private readonly dtype: ExportDtype,
	) {}

	tensor(name: string, shape: Shape): Value {
		return this.#declare(name, "float32", shape, () => bytesOf(this.source.float32(name)));
	}

	/** Rows of the word embeddings. @shape ids [B,S] → [B,S,D] */
	words(name: string, ids: Value, [rows, size]: readonly [number, number]): Value {
		if (this.dtype === "fp32") return gather(this.tensor(name, [rows, size]), ids);
		const quantized = () => this.#quantized(name, (values) => quantizeRows(values, size));
		const codes = this.#declare(`${name}.codes`, "int8", [rows, size], () => bytesOf(quantized().codes));
		const scales = this.#declare(`${name}.scales`, "float32", [rows, 1], () => bytesOf(quantized().scales));
		return mul(cast(gather(codes, ids), "float32"), gather(scales, ids));
	}

	/** x·Wᵀ of a layer's weight [N,K]. @shape x [B,S,K] → [B,S,N] */
	product(path: string, x: Value, [n, k]: readonly [number, number]): Value {
		const name = `${path}.weight`;
		if (this.dtype === "int8") return this.#blockProduct(name, x, n, k);
		return matmul(
			x,
			this.#declare(name, "float32", [k, n], () => bytesOf(transposed(this.source.float32(name), n, k))),
		);
	}

	#blockProduct(name: string, x: Value, n: number, k: number): Value {
		const blocks = Math.ceil(k / BLOCK);
		const quantized = () => this.#quantized(name, (values) => quantizeBlocks(values, n, k));
		const codes = this.#declare(`${name}.codes`, "uint8", [n, blocks, BLOCK], () => bytesOf(quantized().codes));
		const scales = this.#declare(`${name}.scales`, "float32", [n * blocks], () => bytesOf(quantized().scales));
		const attributes = { K: k, N: n, bits: 8, block_size: BLOCK, accuracy_level: 4 };
		const outputs = [{ dtype: "float32", shape: [...x.shape.slice(0, -1), n] }] as const;
		return onnx([x, codes, scales], { opType: "MatMulNBits", domain: "com.microsoft", attributes, outputs })[0]!;
	}

	#declare(name: string, dtype: "float32" | "int8" | "uint8", shape: Shape, read: () => Uint8Array): Value {
		const value = this.graph.input(name, dtype, shape);
		this.streamed.push({ value, read });
		return value;
	}

	#quantized(name: string, quantize: (values: Float32Array) => Quantized): Quantized {
		if (this.#last?.name !== name) this.#last = { name, quantized: quantize(this.source.float32(name)) };
		return this.#last.quantized;
	}
}

/** @shape weight [N,K] → [K,N] */
function transposed(weight: Float32Array, n: number, k: number): Float32Array {
	const flipped = new Float32Array(weight.length);
	for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) flipped[j * n + i] = weight[i * k + j]!;
	return flipped;
}
