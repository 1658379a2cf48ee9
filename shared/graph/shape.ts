import { assert } from "../errors/index.js";

/** A size: a number, or a letter for one that is known when the graph runs. Equal letters are equal sizes. */
export type Dim = number | string;
export type Shape = readonly Dim[];

export const showShape = (shape: Shape): string => `[${shape.join(",")}]`;

/** NumPy's broadcasting of two shapes; a letter meets itself or 1 only. */
export function broadcastShapes(a: Shape, b: Shape): Dim[] {
	const rank = Math.max(a.length, b.length);
	return Array.from({ length: rank }, (_, i) => {
		const da = a[i - rank + a.length] ?? 1;
		const db = b[i - rank + b.length] ?? 1;
		assert(da === db || da === 1 || db === 1, `shapes ${showShape(a)} and ${showShape(b)} do not broadcast`);
		return da === 1 ? db : da;
	});
}

/** Axis as a non-negative number. */
export function normalAxis(axis: number, rank: number): number {
	const normal = axis < 0 ? axis + rank : axis;
	assert(normal >= 0 && normal < rank, `axis ${axis} of a value of rank ${rank}`);
	return normal;
}

/**
 * Shape after ONNX's Reshape: 0 keeps the dimension at that place, -1 takes what is left. Where letters make that size
 * unknown here, `rest` names it.
 */
export function reshapeShape(from: Shape, to: readonly number[], rest: Dim | undefined): Dim[] {
	const kept = to.map((dim, i): Dim => (dim === 0 ? (from[i] ?? 1) : dim));
	const hole = to.indexOf(-1);
	if (hole < 0) return kept;
	if (rest !== undefined) return kept.with(hole, rest);
	const letters = (shape: readonly Dim[]) => shape.filter((d) => typeof d === "string").sort();
	const size = (shape: readonly Dim[]) => shape.reduce<number>((n, d) => (typeof d === "number" && d !== -1 ? n * d : n), 1);
	const left = letters(from);
	for (const letter of letters(kept)) left.splice(left.indexOf(letter), 1);
	const ratio = size(from) / size(kept);
	assert(Number.isInteger(ratio), `reshape of ${showShape(from)} to ${showShape(to)}`);
	const names = [...left, ...(ratio === 1 && left.length > 0 ? [] : [ratio])];
	return kept.with(hole, names.length === 1 ? names[0]! : names.join("*"));
}
