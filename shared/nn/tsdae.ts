/**
 * TSDAE's decoder: it rebuilds the clean text from one sentence vector. The decoder is the frozen base run causally; after
 * each self-attention it adds the vector's projection (cross-attention over a single key is a projection: a softmax over
 * one score is 1), then a language-model head tied to the word embeddings predicts the next token.
 * @source Wang, Reimers, Gurevych 2021 (TSDAE); sentence-transformers' DenoisingAutoEncoderLoss with tied weights
 */
import { add, gelu, layerNorm, linear, matmul, type Value, vocabularyCrossEntropy } from "../graph/index.js";
import { type BertOptions, bertStates } from "./bert.js";
import type { PackedTexts } from "./layers.js";
import type { Init, Parameters } from "./parameters.js";

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
export function reconstructionLoss(base: BertOptions, parameters: Parameters, z: Value, inputs: DecoderInputs): Value {
	const { hiddenSize, layerNormEps } = base.config;
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
		const vectors = project(cross, z, CROSS_STD);
		return norm(`${cross}.norm`, add(states, matmul(inputs.segments, vectors)));
	};
	const states = bertStates({ ...base, lora: undefined, afterAttention }, inputs.texts);
	const head = norm("head.norm", gelu(project("head.dense", states, HEAD_STD)));
	return vocabularyCrossEntropy(head, inputs.vocabulary, inputs.labels, inputs.vocabularyBias);
}
