/**
 * A model's file in pieces, so that its weights never live all at once: protobuf lets the parts of a message come in any
 * order, so the graph's nodes go first, and each weight is read when its turn comes.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { assert, DakError } from "../errors/index.js";
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from "../gen/onnx/onnx_pb.js";
import { type DType, ONNX_TYPE } from "./dtype.js";
import type { Graph, Value } from "./graph.js";
import { graphModel } from "./serialize.js";

/** An input of the graph that becomes a part of the model. */
export interface StreamedWeight {
	readonly value: Value;
	/** Its elements, little-endian, row-major; asked for once. */
	readonly read: () => Uint8Array;
}

/** What protobuf can hold. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

const ELEMENT_BYTES: Readonly<Record<DType, number>> = {
	float32: 4,
	float16: 2,
	int64: 8,
	int32: 4,
	int8: 1,
	uint8: 1,
	uint16: 2,
	bool: 1,
};

/** Numbers of onnx.proto's fields. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_RAW_DATA = 9;

/** A field's tag and the length of what follows it. */
const lead = (field: number, bytes: number): Uint8Array => new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(bytes).finish();

/**
 * The pieces of an ONNX file, in order. `weights` are inputs of the graph, which the model then no longer has.
 * @throws INVALID_MODEL for a model above MAX_MODEL_BYTES
 */
export function* modelPieces(graph: Graph, weights: readonly StreamedWeight[]): Generator<Uint8Array> {
	const streamed = new Set(weights.map(({ value }) => value));
	const { graph: body, ...rest } = graphModel(
		graph,
		graph.inputs.filter((input) => !streamed.has(input)),
	);
	const nodes = toBinary(GraphProtoSchema, body!);
	const heads = weights.map(({ value }) => head(value));
	const graphBytes = heads.reduce((sum, { bytes, all }) => sum + bytes.length + all, nodes.length);
	const model = toBinary(ModelProtoSchema, create(ModelProtoSchema, { ...rest, graph: undefined }));
	if (graphBytes + model.length + 16 > MAX_MODEL_BYTES)
		throw new DakError("INVALID_MODEL", `an ONNX file of ${graphBytes} bytes, allowed: ${MAX_MODEL_BYTES}`);
	yield model;
	yield lead(MODEL_GRAPH, graphBytes);
	yield nodes;
	for (const [i, { value, read }] of weights.entries()) {
		yield heads[i]!.bytes;
		const data = read();
		assert(data.byteLength === heads[i]!.all, `weight ${value.name}: ${data.byteLength} bytes, its shape needs ${heads[i]!.all}`);
		yield data;
	}
}

/** Bytes of a weight's elements. */
export const weightBytes = ({ dtype, shape }: Value): number => (shape as readonly number[]).reduce((n, d) => n * d, ELEMENT_BYTES[dtype]);

/** All of an initialiser but its elements, and how many bytes those are. */
function head(value: Value): { readonly bytes: Uint8Array; readonly all: number } {
	const { name, dtype, shape } = value;
	const all = weightBytes(value);
	const tensor = toBinary(
		TensorProtoSchema,
		create(TensorProtoSchema, { name, dims: (shape as readonly number[]).map(BigInt), dataType: ONNX_TYPE[dtype] }),
	);
	const raw = lead(TENSOR_RAW_DATA, all);
	const outer = lead(GRAPH_INITIALIZER, tensor.length + raw.length + all);
	return { bytes: Buffer.concat([outer, tensor, raw]), all };
}
