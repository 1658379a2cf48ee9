/** The word embeddings as training and measuring need them: a large vocabulary's table is a model's largest tensor. */
import type { BaseModel } from "@dak/shared/models";
import { float16, float32, type Tensor } from "@dak/shared/runtime";
import type { Vocabulary } from "./vocabulary.js";

const TABLE = "embeddings.word_embeddings.weight";

/** How a vocabulary's rows are held: the whole table as it stands in the file where that is half precision. */
export function tableType(base: BaseModel, vocabulary: Pick<Vocabulary, "whole">): "float32" | "float16" {
	return vocabulary.whole && base.weights.tensors.get(TABLE)?.dtype === "F16" ? "float16" : "float32";
}

/** A vocabulary's rows of the table, of its `tableType`; only these are read. @shape → [vocabulary.size,D] */
export function wordEmbeddings(base: BaseModel, vocabulary: Vocabulary): Tensor {
	const { hiddenSize } = base.encoder;
	const shape = [vocabulary.size, hiddenSize];
	if (!vocabulary.whole) return float32(base.weights.rows(TABLE, vocabulary.rows), shape);
	if (tableType(base, vocabulary) === "float32") return float32(base.weights.float32(TABLE), shape);
	const { data } = base.weights.bytes(TABLE);
	return float16(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2), shape);
}
