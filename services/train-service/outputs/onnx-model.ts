/** The merged model as an ONNX folder: files at the places and under the names that optimum and transformers.js look for. */
import { join } from "node:path";
import type { BaseModel, Pooling } from "@dak/shared/models";
import { exportOnnx } from "@dak/shared/nn/export";
import { writeModelFiles, writePieces } from "./files.js";
import type { MergedWeights } from "./merged-weights.js";

export type OnnxDtype = "fp32" | "int8";

/** transformers.js' names: its dtype fp32 has no suffix, its q8 has this one. */
export const ONNX_FILES: Readonly<Record<OnnxDtype, string>> = { fp32: "onnx/model.onnx", int8: "onnx/model_quantized.onnx" };

/** Writes the folder. @returns bytes of each file */
export function writeOnnxModel(
	folder: string,
	base: BaseModel,
	pooling: Pooling,
	weights: MergedWeights,
	dtypes: readonly OnnxDtype[],
): Partial<Record<OnnxDtype, number>> {
	// What transformers.js takes by itself depends on the device: where there is one file only, it is told.
	const only = dtypes.length === 1 ? { "transformers.js_config": { dtype: dtypes[0] === "int8" ? "q8" : "fp32" } } : {};
	writeModelFiles(folder, { base, pooling, dtype: "float32", config: only });
	const write = (dtype: OnnxDtype) => writePieces(join(folder, ONNX_FILES[dtype]), exportOnnx(base.encoder, dtype, weights));
	return Object.fromEntries(dtypes.map((dtype) => [dtype, write(dtype)]));
}
