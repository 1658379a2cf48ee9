/**
 * BERT as other programs run it: token ids padded to one length, no packing, weights inside the file. Inputs and output
 * have the names and shapes that optimum and transformers.js give them.
 */
import { add, cast, type Graph, gather, matmul, mul, onnx, reshape, softmax, sub, transpose, type Value } from "../../graph/index.js";
import type { EncoderConfig } from "../../models/index.js";
import type { ExportWeights } from "./weights.js";

/** Added to the score of a key that is padding. */
const HIDDEN = -1e9;

const gelu = (x: Value): Value =>
	onnx([x], { opType: "Gelu", domain: "", attributes: {}, outputs: [{ dtype: x.dtype, shape: x.shape }] })[0]!;

export class BertExport {
	readonly #heads: number;
	readonly #size: number;

	constructor(
		private readonly graph: Graph,
		private readonly config: EncoderConfig,
		private readonly weights: ExportWeights,
	) {
		this.#heads = config.heads;
		this.#size = config.hiddenSize / config.heads;
	}

	/** Declares inputs and output. */
	build(): void {
		const input = (name: string) => this.graph.input(name, "int64", ["batch_size", "sequence_length"]);
		const [ids, mask, types] = ["input_ids", "attention_mask", "token_type_ids"].map(input) as [Value, Value, Value];
		const hidden = this.#hiddenKeys(mask);
		let states = this.#embeddings(ids, types);
		for (let layer = 0; layer < this.config.layers; layer++) states = this.#layer(states, `encoder.layer.${layer}`, hidden);
		this.graph.output("last_hidden_state", states);
	}

	/** @shape mask [B,S] → [B,1,1,S] */
	#hiddenKeys(mask: Value): Value {
		return reshape(mul(sub(1, cast(mask, "float32")), HIDDEN), [0, 1, 1, -1], "sequence_length");
	}

	#embeddings(ids: Value, types: Value): Value {
		const { hiddenSize, vocabSize, maxPositions, typeVocabSize } = this.config;
		const words = this.weights.words("embeddings.word_embeddings.weight", ids, [vocabSize, hiddenSize]);
		const table = this.weights.tensor("embeddings.position_embeddings.weight", [maxPositions, hiddenSize]);
		const kinds = gather(this.weights.tensor("embeddings.token_type_embeddings.weight", [typeVocabSize, hiddenSize]), types);
		return this.#norm("embeddings.LayerNorm", add(add(words, kinds), this.#firstRows(table, ids)));
	}

	/** As many rows of a table as the texts have places. @shape table [P,D], ids [B,S] → [S,D] */
	#firstRows(table: Value, ids: Value): Value {
		const shape = { opType: "Shape", domain: "", attributes: { start: 1, end: 2 }, outputs: [{ dtype: "int64", shape: [1] }] } as const;
		const count = onnx([ids], shape)[0]!;
		const first = this.graph.constant("first", "int64", [1], BigInt64Array.of(0n));
		const outputs = [{ dtype: "float32", shape: ["sequence_length", this.config.hiddenSize] }] as const;
		return onnx([table, first, count], { opType: "Slice", domain: "", attributes: {}, outputs })[0]!;
	}

	#layer(x: Value, path: string, hidden: Value): Value {
		const { hiddenSize, intermediateSize } = this.config;
		const [q, k, v] = ["query", "key", "value"].map((name) => this.#linear(`${path}.attention.self.${name}`, x, hiddenSize));
		const attended = this.#linear(`${path}.attention.output.dense`, this.#attention(q!, k!, v!, hidden), hiddenSize);
		const states = this.#norm(`${path}.attention.output.LayerNorm`, add(attended, x));
		const wide = gelu(this.#linear(`${path}.intermediate.dense`, states, intermediateSize));
		const narrow = this.#linear(`${path}.output.dense`, wide, hiddenSize);
		return this.#norm(`${path}.output.LayerNorm`, add(narrow, states));
	}

	#attention(q: Value, k: Value, v: Value, hidden: Value): Value {
		const split = (x: Value) => transpose(reshape(x, [0, 0, this.#heads, this.#size]), [0, 2, 1, 3]);
		const scores = add(matmul(split(q), split(k), { transB: true, alpha: 1 / Math.sqrt(this.#size) }), hidden);
		const context = transpose(matmul(softmax(scores), split(v)), [0, 2, 1, 3]);
		return reshape(context, [0, 0, this.config.hiddenSize]);
	}

	#linear(path: string, x: Value, outFeatures: number): Value {
		const product = this.weights.product(path, x, [outFeatures, x.shape.at(-1) as number]);
		return add(product, this.weights.tensor(`${path}.bias`, [outFeatures]));
	}

	#norm(path: string, x: Value): Value {
		const shape = [this.config.hiddenSize];
		const attributes = { axis: -1, epsilon: { float: this.config.layerNormEps } };
		const operands = [x, this.weights.tensor(`${path}.weight`, shape), this.weights.tensor(`${path}.bias`, shape)];
		return onnx(operands, { opType: "LayerNormalization", domain: "", attributes, outputs: [{ dtype: x.dtype, shape: x.shape }] })[0]!;
	}
}
