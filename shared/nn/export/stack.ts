/**
 * What the exported encoders have in common: token ids padded to one length, no packing, weights inside the file. Inputs and
 * output have the names and shapes that optimum and transformers.js give them.
 */
import { add, cast, type Graph, matmul, mul, onnx, reshape, rmsNorm, softmax, sub, transpose, type Value } from "../../graph/index.js";
import { type EncoderConfig, type Layout, type LinearLayer, layoutOf } from "../../models/index.js";
import { AttentionBias, HIDDEN } from "../attention-bias.js";
import { headsOf, overGroups } from "../layers.js";
import type { ExportWeights } from "./weights.js";

export const gelu = (x: Value): Value =>
	onnx([x], { opType: "Gelu", domain: "", attributes: {}, outputs: [{ dtype: x.dtype, shape: x.shape }] })[0]!;

/** Whether an encoder takes token types beside ids and mask. */
export const hasTokenTypes = (config: EncoderConfig): boolean => layoutOf(config).types !== undefined;

export class ExportStack {
	readonly layout: Layout;
	/** @shape int64 [B,S] each */
	readonly ids: Value;
	readonly mask: Value;
	readonly types: Value | undefined;
	readonly #hidden: Value;
	readonly #bias: AttentionBias | undefined;
	readonly #masks = new Map<Value, Value>();

	/** Declares the inputs. */
	constructor(
		graph: Graph,
		readonly config: EncoderConfig,
		readonly weights: ExportWeights,
	) {
		this.layout = layoutOf(config);
		const input = (name: string) => graph.input(name, "int64", ["batch_size", "sequence_length"]);
		this.ids = input("input_ids");
		this.mask = input("attention_mask");
		this.types = hasTokenTypes(config) ? input("token_type_ids") : undefined;
		// Of a key that is padding. @shape [B,1,1,S]
		this.#hidden = reshape(mul(sub(1, cast(this.mask, "float32")), HIDDEN), [0, 1, 1, -1], "sequence_length");
		if (AttentionBias.isNeeded(config)) this.#bias = new AttentionBias(config, this.ids, (name, shape) => weights.tensor(name, shape));
	}

	words(): Value {
		return this.weights.words(this.layout.words, this.ids, [this.config.vocabSize, this.config.hiddenSize]);
	}

	linear({ path, inFeatures, outFeatures }: LinearLayer, x: Value): Value {
		const product = this.weights.product(path, x, [outFeatures, inFeatures]);
		return this.layout.linearBias ? add(product, this.weights.tensor(`${path}.bias`, [outFeatures])) : product;
	}

	norm(path: string, x: Value): Value {
		const shape = [x.shape.at(-1) as number];
		const scale = this.weights.tensor(`${path}.weight`, shape);
		const { layerNormEps } = this.config;
		if (this.layout.norms === "rms") return rmsNorm(x, scale, layerNormEps);
		const operands = [x, scale, ...(this.layout.normBias ? [this.weights.tensor(`${path}.bias`, shape)] : [])];
		const attributes = { axis: -1, epsilon: { float: layerNormEps } };
		return onnx(operands, { opType: "LayerNormalization", domain: "", attributes, outputs: [{ dtype: x.dtype, shape: x.shape }] })[0]!;
	}

	/** @shape q [B,S,heads·size], k, v [B,S,kvHeads·size] → [B,S,heads·size] */
	attention(q: Value, k: Value, v: Value, layer: number): Value {
		const { heads, kvHeads, size } = headsOf(this.config);
		if (kvHeads < heads) return this.#grouped(q, k, v, layer);
		const split = (x: Value) => transpose(reshape(x, [0, 0, heads, size]), [0, 2, 1, 3]);
		const scores = add(matmul(split(q), split(k), { transB: true, alpha: 1 / Math.sqrt(size) }), this.#maskOf(layer));
		const context = transpose(matmul(softmax(scores), split(v)), [0, 2, 1, 3]);
		return reshape(context, [0, 0, heads * size]);
	}

	/** As training has it (layers.ts). */
	#grouped(q: Value, k: Value, v: Value, layer: number): Value {
		const { heads, kvHeads, size } = headsOf(this.config);
		const split = (x: Value, group: number) => transpose(reshape(x, [0, 0, kvHeads, group, size]), [0, 2, 3, 1, 4]);
		const scores = matmul(split(q, heads / kvHeads), split(k, 1), { transB: true, alpha: 1 / Math.sqrt(size) });
		const weights = softmax(add(scores, overGroups(this.#maskOf(layer))));
		return reshape(transpose(matmul(weights, split(v, 1)), [0, 3, 1, 2, 4]), [0, 0, heads * size]);
	}

	#maskOf(layer: number): Value {
		const bias = this.#bias?.of(layer);
		if (!bias) return this.#hidden;
		const known = this.#masks.get(bias);
		if (known) return known;
		const mask = add(this.#hidden, bias);
		this.#masks.set(bias, mask);
		return mask;
	}
}
