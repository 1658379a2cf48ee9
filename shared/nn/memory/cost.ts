/** Work of a node: multiplications in products, bytes touched everywhere. What a time is made of, once a machine's speeds are known. */
import type { NodeProto } from "../../gen/onnx/onnx_pb.js";
import { bytesOf, elementsOf, type TensorSpec } from "./spec.js";

export interface NodeCost {
	/** Floating-point operations of matrix products. */
	readonly flops: number;
	/** Bytes read and written by everything else. */
	readonly bytes: number;
	readonly nodes: number;
}

const PRODUCTS: readonly string[] = [
	"MatMul",
	"FusedMatMul",
	"Gemm",
	"MatMulInteger",
	"DynamicQuantizeMatMul",
	"MatMulIntegerToFloat",
	"MatMulBnb4",
	"MatMulNBits",
];
const FREE: readonly string[] = ["Reshape", "Identity", "Unsqueeze", "Squeeze", "Shape"];
const NOTHING: NodeCost = { flops: 0, bytes: 0, nodes: 0 };

export function costOf(node: NodeProto, inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): NodeCost {
	if (FREE.includes(node.opType)) return NOTHING;
	const [a] = inputs;
	const out = outputs[0] ? elementsOf(outputs[0]) : 0;
	if (PRODUCTS.includes(node.opType) && a) {
		const transposed = node.attribute.some(({ name, i }) => name === "transA" && i === 1n);
		return { flops: 2 * out * (a.dims.at(transposed ? -2 : -1)?.size ?? 1), bytes: 0, nodes: 1 };
	}
	// A Gather reads what it puts out, not the whole table.
	const read = node.opType === "Gather" || node.opType === "Slice" ? [] : inputs;
	const bytes = [...read, ...outputs].reduce((sum, spec) => sum + (spec ? bytesOf(spec) : 0), 0);
	return { flops: 0, bytes: node.opType === "Gather" || node.opType === "Slice" ? 2 * bytes : bytes, nodes: 1 };
}

/** What a kernel allocates for itself while it runs, beside its outputs: the 4-bit product unpacks its weight, [N,K] in fp32. */
export function workspaceBytes(node: NodeProto): number {
	if (node.opType !== "MatMulBnb4") return 0;
	const attribute = (name: string) => Number(node.attribute.find((a) => a.name === name)?.i ?? 0n);
	return 4 * attribute("N") * attribute("K");
}
