/**
 * The encoder as serving runs it, up to token states: texts packed end to end for the linear layers and padded for
 * attention. No value of one text ever meets another's: rows are independent in every product, and attention's mask gives
 * other texts' tokens a weight of exactly zero.
 */
import { serializeGraph } from "../../graph/index.js";
import type { EncoderConfig } from "../../models/index.js";
import { BertGraph } from "./bert-graph.js";
import type { ComputeMode } from "./compute.js";
import type { AdapterMode } from "./lora-branch.js";
import { PreNormGraph } from "./pre-norm-graph.js";
import { ServingStack } from "./serving-stack.js";
import type { PackedTensor } from "./weights.js";

export { type AdapterMode, loraAInput, loraBInput, RANK_BLOCK } from "./lora-branch.js";

/**
 * ONNX bytes of the encoder. Inputs: the base's (`baseFeeds` of `packBase` for the same `compute`), `texts.*`
 * (`TextRows`) and the adapters' of `mode`. Output `states` [T,D], to be pooled (`poolStates`).
 */
export function buildEmbedGraph(config: EncoderConfig, mode: AdapterMode, compute: ComputeMode, base: readonly PackedTensor[]): Uint8Array {
	const stack = new ServingStack(config, mode, compute, base);
	const encoder = stack.layout.normsFirst ? new PreNormGraph(stack) : new BertGraph(stack);
	stack.graph.output("states", encoder.states());
	return serializeGraph(stack.graph);
}
