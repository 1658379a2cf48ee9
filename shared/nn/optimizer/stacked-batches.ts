/** Batches of several steps as the inputs of one loop: each input's values end to end, with where each begins and its shape. */
import { type Feeds, int64, Tensor } from "../../runtime/index.js";
import { stackedNames } from "./device-model.js";

type Numbers = Float32Array | BigInt64Array;

/** Feeds of a loop over `batches`. @param names the inputs that each batch has; float32 or int64 */
export function stackBatches(names: readonly string[], batches: readonly Feeds[]): Record<string, Tensor> {
	return Object.assign(
		{},
		...names.map((name) =>
			stackOne(
				name,
				batches.map((batch) => batch[name]!),
			),
		),
	);
}

function stackOne(name: string, tensors: readonly Tensor[]): Record<string, Tensor> {
	const { values, starts, dims } = stackedNames(name);
	const rank = tensors[0]!.dims.length;
	const begins = [0];
	for (const { size } of tensors) begins.push(begins.at(-1)! + size);
	const total = begins.at(-1)!;
	const all: Numbers = tensors[0]!.type === "int64" ? new BigInt64Array(total) : new Float32Array(total);
	// Both are typed arrays of their tensor's type; TypeScript does not see that they are the same one.
	for (const [i, { data }] of tensors.entries()) all.set(data as never, begins[i]);
	const stacked = { [values]: new Tensor(tensors[0]!.type as "float32", all as Float32Array, [total]) };
	if (rank === 0) return stacked;
	const shapes = tensors.flatMap((tensor) => tensor.dims);
	return {
		...stacked,
		[starts]: int64(BigInt64Array.from(begins, BigInt), [begins.length]),
		[dims]: int64(BigInt64Array.from(shapes, BigInt), [tensors.length, rank]),
	};
}
