/** An encoder as a plain ONNX file, for programs other than this one. */
import { DakError } from "../../errors/index.js";
import { Graph, modelPieces } from "../../graph/index.js";
import type { EncoderConfig } from "../../models/index.js";
import { BertExport } from "./bert.js";
import { type ExportDtype, ExportWeights, type WeightSource } from "./weights.js";

interface Exporter {
	build(): void;
}

const EXPORTERS: Readonly<Record<string, new (graph: Graph, config: EncoderConfig, weights: ExportWeights) => Exporter>> = {
	bert: BertExport,
};

/** Architectures that can be exported. */
export const EXPORTED_ARCHITECTURES: readonly string[] = Object.keys(EXPORTERS);

/**
 * The file's pieces in order; weights are read while they are taken. Inputs input_ids, attention_mask and token_type_ids
 * (int64 [batch_size, sequence_length]), output last_hidden_state (float32 [batch_size, sequence_length, D]), as optimum
 * names them.
 * @throws NOT_IMPLEMENTED for an architecture that has no exporter, INVALID_MODEL for a tensor that is not there
 */
export function exportOnnx(config: EncoderConfig, dtype: ExportDtype, source: WeightSource): Iterable<Uint8Array> {
	const Exporter = EXPORTERS[config.architecture];
	if (!Exporter)
		throw new DakError("NOT_IMPLEMENTED", `ONNX export: found ${config.architecture}, allowed: ${EXPORTED_ARCHITECTURES.join(", ")}`);
	const graph = new Graph("encoder");
	const weights = new ExportWeights(graph, source, dtype);
	new Exporter(graph, config, weights).build();
	return modelPieces(graph, weights.streamed);
}
