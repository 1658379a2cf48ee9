/** BERT and those made like it as other programs run them. */
import { add, type Graph, gather, mul, onnx, type Value } from "../../graph/index.js";
import { type EncoderConfig, type LayerLayout, positionRows } from "../../models/index.js";
import { ExportStack, gelu } from "./stack.js";
import type { ExportWeights } from "./weights.js";

export class BertExport {
	readonly #stack: ExportStack;

	constructor(
		private readonly graph: Graph,
		private readonly config: EncoderConfig,
		private readonly weights: ExportWeights,
	) {
		this.#stack = new ExportStack(graph, config, weights);
	}

	/** Declares the output. */
	build(): void {
		const states = this.#stack.layout.layers.reduce((x, layout, layer) => this.#layer(x, layout, layer), this.#embeddings());
		this.graph.output("last_hidden_state", states);
	}

	#embeddings(): Value {
		const { hiddenSize, typeVocabSize, positionOffset = 0 } = this.config;
		const { layout, types } = this.#stack;
		const words = this.#stack.words();
		const table = this.weights.tensor(layout.positions!, [positionRows(this.config), hiddenSize]);
		const positions = positionOffset === 0 ? this.#firstRows(table) : gather(table, this.#positions(positionOffset));
		const kinds = types && gather(this.weights.tensor(layout.types!, [typeVocabSize, hiddenSize]), types);
		return this.#stack.norm(layout.embeddingNorm!, add(kinds ? add(words, kinds) : words, positions));
	}

	/** As many rows of a table as the texts have places. @shape table [P,D] → [S,D] */
	#firstRows(table: Value): Value {
		const shape = { opType: "Shape", domain: "", attributes: { start: 1, end: 2 }, outputs: [{ dtype: "int64", shape: [1] }] } as const;
		const count = onnx([this.#stack.ids], shape)[0]!;
		const first = this.graph.constant("first", "int64", [1], BigInt64Array.of(0n));
		const outputs = [{ dtype: "float32", shape: ["sequence_length", this.config.hiddenSize] }] as const;
		return onnx([table, first, count], { opType: "Slice", domain: "", attributes: {}, outputs })[0]!;
	}

	/** Counted over the tokens that are no padding, which has the row before the first. @shape → int64 [B,S] */
	#positions(offset: number): Value {
		const { mask } = this.#stack;
		const along = this.graph.constant("along", "int64", [], BigInt64Array.of(1n));
		const outputs = [{ dtype: mask.dtype, shape: mask.shape }];
		const counted = onnx([mask, along], { opType: "CumSum", domain: "", attributes: {}, outputs })[0]!;
		return add(mul(counted, mask), this.graph.constant("padding_row", "int64", [], BigInt64Array.of(BigInt(offset - 1))));
	}

	#layer(x: Value, { attention, mixed, wide, narrow, attentionNorm, outputNorm }: LayerLayout, layer: number): Value {
		const stack = this.#stack;
		const [q, k, v] = attention.map((part) => stack.linear(part, x));
		const attended = stack.linear(mixed, stack.attention(q!, k!, v!, layer));
		const states = stack.norm(attentionNorm!, add(attended, x));
		const activated = gelu(stack.linear(wide[0]!, states));
		return stack.norm(outputNorm, add(stack.linear(narrow, activated), states));
	}
}
