/** An encoder as a plain ONNX file, for programs other than this one. */
import { DakError } from "../../errors/index.js";
import { Graph, MAX_MODEL_BYTES, modelPieces, weightBytes } from "../../graph/index.js";
import { ARCHITECTURES, type EncoderConfig, layoutOf } from "../../models/index.js";
import { BertExport } from "./bert.js";
import { PreNormExport } from "./pre-norm.js";
import { type ExportDtype, ExportWeights, type WeightSource } from "./weights.js";

function build(config: EncoderConfig, dtype: ExportDtype, source: WeightSource) {
	if (!ARCHITECTURES.includes(config.architecture))
		throw new DakError("NOT_IMPLEMENTED", `ONNX export: found ${config.architecture}, allowed: ${ARCHITECTURES.join(", ")}`);
	const graph = new Graph("encoder");
	const weights = new ExportWeights(graph, source, dtype);
	const Exporter = layoutOf(config).normsFirst ? PreNormExport : BertExport;
	new Exporter(graph, config, weights).build();
	return { graph, weights: weights.streamed };
}

/**
 * Refuses what `exportOnnx` would, before any work is done.
 * @throws NOT_IMPLEMENTED for an architecture that has no exporter, or weights that one file cannot hold
 */
export function checkExport(config: EncoderConfig, dtype: ExportDtype): void {
	const { weights } = build(config, dtype, { float32: () => new Float32Array() });
	const bytes = weights.reduce((sum, { value }) => sum + weightBytes(value), 0);
	if (bytes > MAX_MODEL_BYTES - GRAPH_BYTES)
		throw new DakError("NOT_IMPLEMENTED", `ONNX export as ${dtype}: ${bytes} bytes of weights, allowed: ${MAX_MODEL_BYTES - GRAPH_BYTES}`);
}

/** More than the nodes of any encoder take in the file. */
const GRAPH_BYTES = 2 ** 24;

/**
 * The file's pieces in order; weights are read while they are taken. Inputs input_ids, attention_mask and, where the
 * architecture has them, token_type_ids (int64 [batch_size, sequence_length]), output last_hidden_state (float32 [batch_size, sequence_length, D]), as optimum
 * names them.
 * @throws as `checkExport` does, and INVALID_MODEL for a tensor that is not there
 */
export function exportOnnx(config: EncoderConfig, dtype: ExportDtype, source: WeightSource): Iterable<Uint8Array> {
	const { graph, weights } = build(config, dtype, source);
	return modelPieces(graph, weights);
}
