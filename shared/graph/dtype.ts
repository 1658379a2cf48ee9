import { TensorProto_DataType as Onnx } from "../gen/onnx/onnx_pb.js";

/** Element types of graph values, by ONNX Runtime's JavaScript names. */
export type DType = "float32" | "float16" | "int64" | "int32" | "int8" | "uint8" | "uint16" | "bool";

/** ONNX's number for each type. */
export const ONNX_TYPE: Readonly<Record<DType, Onnx>> = {
	float32: Onnx.FLOAT,
	float16: Onnx.FLOAT16,
	int64: Onnx.INT64,
	int32: Onnx.INT32,
	int8: Onnx.INT8,
	uint8: Onnx.UINT8,
	uint16: Onnx.UINT16,
	bool: Onnx.BOOL,
};

/** Typed arrays that hold each type; float16 as its bits, bool as bytes. */
export interface DTypeArray {
	float32: Float32Array;
	float16: Uint16Array;
	int64: BigInt64Array;
	int32: Int32Array;
	int8: Int8Array;
	uint8: Uint8Array;
	uint16: Uint16Array;
	bool: Uint8Array;
}
