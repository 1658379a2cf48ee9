/** What is known of a tensor before anything runs: element type and size, with each size's name where it changes from run to run. */
import { TensorProto_DataType as Onnx, type ValueInfoProto } from "../../gen/onnx/onnx_pb.js";

/**
 * A size; `name` is set where only a run knows it: two sizes of one name are equal in every run. ONNX Runtime cannot name every
 * such size; those are called UNNAMED, and equal nothing, themselves included.
 */
export interface Size {
	readonly size: number;
	readonly name?: string | undefined;
}
export const UNNAMED = "?";

export interface TensorSpec {
	readonly dtype: number;
	readonly dims: readonly Size[];
	/** Elements of a small integer constant: shapes, axes, bounds of slices. */
	readonly values?: readonly number[] | undefined;
	/** It is the value `from` plus a constant: how a computed slice tells its length. */
	readonly beyond?: { readonly from: string; readonly by: number } | undefined;
}

const BYTES: Readonly<Record<number, number>> = {
	[Onnx.FLOAT]: 4,
	[Onnx.UINT8]: 1,
	[Onnx.INT8]: 1,
	[Onnx.UINT16]: 2,
	[Onnx.INT16]: 2,
	[Onnx.INT32]: 4,
	[Onnx.INT64]: 8,
	[Onnx.BOOL]: 1,
	[Onnx.FLOAT16]: 2,
	[Onnx.DOUBLE]: 8,
	[Onnx.UINT32]: 4,
	[Onnx.UINT64]: 8,
	[Onnx.BFLOAT16]: 2,
};

export const fixed = (size: number): Size => ({ size });
export const elementsOf = ({ dims }: Pick<TensorSpec, "dims">): number => dims.reduce((n, { size }) => n * size, 1);
export const elementBytes = ({ dtype }: Pick<TensorSpec, "dtype">): number => BYTES[dtype] ?? 4;
export const bytesOf = (spec: TensorSpec): number => elementsOf(spec) * elementBytes(spec);

/** Whether a buffer of one serves the other in every run: the same sizes by number or by name, elements of the same width. */
export function sameSize(a: TensorSpec, b: TensorSpec): boolean {
	if (elementBytes(a) !== elementBytes(b) || a.dims.length !== b.dims.length) return false;
	return a.dims.every((dim, i) => dim.name !== UNNAMED && dim.size === b.dims[i]!.size && dim.name === b.dims[i]!.name);
}

/** A graph input as a run will feed it. `sizes` gives the value of each named size. */
export function inputSpec({ type }: ValueInfoProto, sizes: ReadonlyMap<string, number>): TensorSpec {
	const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
	const dims = (tensor?.shape?.dim ?? []).map(({ value }): Size => {
		if (value.case === "dimValue") return fixed(Number(value.value));
		const name = value.case === "dimParam" ? value.value : "";
		return { size: sizes.get(name) ?? 1, name };
	});
	return { dtype: tensor?.elemType ?? Onnx.FLOAT, dims };
}
