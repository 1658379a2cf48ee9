/**
 * A device's training state: the parameters of each group end to end in one vector, and both moments likewise, so that an
 * update is a dozen operators over a few long vectors and not a dozen for each of some hundred tensors.
 */
import type { ParameterGroup, ParameterSpec } from "../parameters.js";
import { sizeOf } from "../parameters.js";

/** Vectors are padded with zeros to whole rows of this many elements, which the gradient's norm is summed by. */
export const ROW = 1024;

export interface FlatEntry {
	readonly spec: ParameterSpec;
	/** Its place among all parameters. */
	readonly index: number;
	/** First element in the group's vector. */
	readonly offset: number;
	readonly size: number;
}

export interface FlatGroup {
	readonly group: ParameterGroup;
	readonly entries: readonly FlatEntry[];
	/** Elements with padding. */
	readonly size: number;
	readonly padding: number;
}

/** Where each parameter lies. Groups come in the order in which they first occur. */
export function flatGroups(specs: readonly ParameterSpec[]): readonly FlatGroup[] {
	const names = [...new Set(specs.map(({ group }) => group))];
	return names.map((group) => {
		let offset = 0;
		const entries = specs.flatMap((spec, index): FlatEntry[] => {
			if (spec.group !== group) return [];
			const entry = { spec, index, offset, size: sizeOf(spec) };
			offset += entry.size;
			return [entry];
		});
		const size = Math.ceil(offset / ROW) * ROW;
		return { group, entries, size, padding: size - offset };
	});
}

/** A group's vector from the arrays of all parameters. */
export function flatten({ entries, size }: FlatGroup, arrays: readonly Float32Array[]): Float32Array {
	const flat = new Float32Array(size);
	for (const { index, offset } of entries) flat.set(arrays[index]!, offset);
	return flat;
}

/** The reverse: copies a group's vector into the arrays. */
export function unflatten({ entries }: FlatGroup, flat: Float32Array, arrays: readonly Float32Array[]): void {
	for (const { index, offset, size } of entries) arrays[index]!.set(flat.subarray(offset, offset + size));
}
