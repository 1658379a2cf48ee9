/**
 * TSDAE's decoder: it rebuilds the clean text from one sentence vector. The decoder is the frozen base run causally; after
 * each self-attention it adds the vector's projection (cross-attention over a single key is a projection: a softmax over
 * one score is 1), then a language-model head tied to the word embeddings predicts the next token. Where the base has its
 * norms after the blocks, so has the cross-attention: LN(h + W·z). Where it has them before, a norm would stand over the
 * query, which a single key leaves without effect: h + W·z. A base with local attention keeps its windows, its own rotary
 * or learnt positions stay as they are, and a causal base (Qwen3) is run as it is.
 * @source Wang, Reimers, Gurevych 2021 (TSDAE); sentence-transformers' DenoisingAutoEncoderLoss with tied weights
 */
import { add, gelu, layerNorm, linear, matmul, type Value, vocabularyCrossEntropy } from "../graph/index.js";
import { layoutOf } from "../models/index.js";
import { encoderStates } from "./encoder-states.js";
import type { PackedTexts } from "./layers.js";
import type { Init, Parameters } from "./parameters.js";
import type { StackOptions } from "./stack.js";

export interface DecoderInputs {
	/** The clean texts without their last token, under a causal mask. */
	readonly texts: PackedTexts;
	/** 1 where token t belongs to text b. @shape [T,B] */
	readonly segments: Value;
	/** Row of each next token in the vocabulary. @shape int64 [T] */
	readonly labels: Value;
	/** Rows that the softmax is over. @shape [V,D] */
	readonly vocabulary: Value;
	/** Added to the logits, frozen. @shape [V] */
	readonly vocabularyBias: Value;
}

const normal = (std: number): Init => ({ kind: "normal", std });
const constant = (value: number): Init => ({ kind: "constant", value });
/** transformers' initializer_range for BERT. */
const HEAD_STD = 0.02;
/** What the product of two matrices with that range has at hidden size 384: the cross-attention's W_o·W_v. */
const CROSS_STD = 0.0078;

/** Mean cross-entropy of each clean token given those before it and the sentence vector. @shape z [B,D] → [] */
export function reconstructionLoss(base: StackOptions, parameters: Parameters, z: Value, inputs: DecoderInputs): Value {
	const { hiddenSize, layerNormEps } = base.config;
	const { normsFirst } = layoutOf(base.config);
	const decoderParameter = (name: string, shape: readonly number[], init: Init) =>
		parameters.declare({ name, shape, group: "decoder", init });
	const norm = (name: string, x: Value) =>
		layerNorm(
			x,
			decoderParameter(`${name}.weight`, [hiddenSize], constant(1)),
			decoderParameter(`${name}.bias`, [hiddenSize], constant(0)),
			layerNormEps,
		);
	const project = (name: string, x: Value, std: number) =>
		linear(
			x,
			decoderParameter(`${name}.weight`, [hiddenSize, hiddenSize], normal(std)),
			decoderParameter(`${name}.bias`, [hiddenSize], constant(0)),
		);

	const afterAttention = (states: Value, layer: number) => {
		const cross = `decoder.layer.${layer}.cross`;
		const crossed = add(states, matmul(inputs.segments, project(cross, z, CROSS_STD)));
		return normsFirst ? crossed : norm(`${cross}.norm`, crossed);
	};
	const states = encoderStates({ ...base, lora: undefined, afterAttention }, inputs.texts);
	const head = norm("head.norm", gelu(project("head.dense", states, HEAD_STD)));
	return vocabularyCrossEntropy(head, inputs.vocabulary, inputs.labels, inputs.vocabularyBias);
}
