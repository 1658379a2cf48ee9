/** The merged model as a sentence-transformers folder. */
import { join } from "node:path";
import { DakError } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import { float32ToFloat16, safetensorsHeader, type TensorShape } from "@dak/shared/safetensors";
import { type ModelFiles, writeModelFiles, writePieces } from "./files.js";
import type { MergedWeights } from "./merged-weights.js";

export type MergedDtype = "fp32" | "fp16";

const FLOATS: readonly string[] = ["F32", "F16", "BF16"];
const HALF_INFINITY = 0x7c00;

/** Writes the folder. @returns bytes of the weights · @throws INVALID_MODEL for a weight that half precision cannot hold */
export function writeMergedModel(
	folder: string,
	model: Pick<ModelFiles, "base" | "pooling">,
	weights: MergedWeights,
	dtype: MergedDtype,
): number {
	writeModelFiles(folder, { ...model, dtype: dtype === "fp16" ? "float16" : "float32" });
	return writePieces(join(folder, "model.safetensors"), tensorPieces(model.base, weights, dtype));
}

function* tensorPieces({ weights: file }: BaseModel, merged: MergedWeights, dtype: MergedDtype): Generator<Uint8Array> {
	const shapes = [...file.tensors].map(([name, { dtype: own, shape }]): [string, TensorShape] => {
		const written = FLOATS.includes(own) ? (dtype === "fp16" ? "F16" : "F32") : own;
		return [name, { dtype: written, shape }];
	});
	const { header, names } = safetensorsHeader(Object.fromEntries(shapes));
	yield header;
	for (const name of names) {
		if (!FLOATS.includes(file.tensors.get(name)!.dtype)) yield file.bytes(name).data;
		else yield elements(name, merged.float32(name), dtype);
	}
}

function elements(name: string, values: Float32Array, dtype: MergedDtype): Uint8Array {
	if (dtype === "fp32") return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
	const halves = float32ToFloat16(values);
	if (halves.some((bits) => (bits & HALF_INFINITY) === HALF_INFINITY))
		throw new DakError("INVALID_MODEL", `merged tensor ${name} holds values that fp16 cannot; allowed: output.merged_dtype fp32`);
	return new Uint8Array(halves.buffer as ArrayBuffer);
}
