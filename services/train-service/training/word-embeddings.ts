/** The word embeddings as training and measuring need them: a large vocabulary's table is a model's largest tensor. */
import { type BaseModel, layoutOf } from "@dak/shared/models";
import { float16, float32, type Tensor } from "@dak/shared/runtime";
import type { Vocabulary } from "./vocabulary.js";

/** How a vocabulary's rows are held: the whole table as it stands in the file where that is half precision. */
export function tableType(base: BaseModel, vocabulary: Pick<Vocabulary, "whole">): "float32" | "float16" {
	return vocabulary.whole && base.weights.tensors.get(layoutOf(base.encoder).words)?.dtype === "F16" ? "float16" : "float32";
}

/** A vocabulary's rows of the table, of its `tableType`; only these are read. @shape → [vocabulary.size,D] */
export function wordEmbeddings(base: BaseModel, vocabulary: Vocabulary): Tensor {
	const { hiddenSize } = base.encoder;
	const table = layoutOf(base.encoder).words;
	const shape = [vocabulary.size, hiddenSize];
	if (!vocabulary.whole) return float32(base.weights.rows(table, vocabulary.rows), shape);
	if (tableType(base, vocabulary) === "float32") return float32(base.weights.float32(table), shape);
	const { data } = base.weights.bytes(table);
	return float16(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2), shape);
}
