/** AdamW as ONNX nodes over flat vectors: the same arithmetic, in the same order, as adamw.ts. */
import type { Emitter } from "../../graph/index.js";
import type { AdamWOptions } from "./adamw.js";
import { type FlatGroup, ROW } from "./flat-state.js";

/** Names of a group's vectors in the graph. */
export interface StateNames {
	readonly parameters: string;
	readonly first: string;
	readonly second: string;
}

export const STATE_PARTS = ["parameters", "first", "second"] as const satisfies readonly (keyof StateNames)[];

/** What the host computes for each step, in double precision: a row of the schedule. @shape [1 + 2·groups] */
export function scheduleRow(step: number, rates: readonly number[], { beta1, beta2, weightDecay }: AdamWOptions): number[] {
	const root = 1 / Math.sqrt(1 - beta2 ** step);
	return [root, ...rates.flatMap((rate) => [rate / (1 - beta1 ** step), 1 - rate * weightDecay])];
}

/** Cuts a group's vector into its parameters, under their own names. */
export function emitParameters(e: Emitter, { entries }: FlatGroup, flat: string): void {
	for (const { spec, offset, size } of entries) {
		const part = e.node("Slice", [flat, e.int64s([offset]), e.int64s([offset + size]), e.int64s([0])]);
		e.node("Reshape", [part, e.int64s(spec.shape)], { outputs: [spec.name] });
	}
}

/** A group's gradients end to end. */
export function emitFlatGradient(e: Emitter, { entries, padding }: FlatGroup, gradientOf: (index: number) => string): string {
	const parts = entries.map(({ index }) => e.node("Reshape", [gradientOf(index), e.int64s([-1])]));
	if (padding > 0) parts.push(e.constant("float32", [padding], new Float32Array(padding)));
	return parts.length === 1 ? parts[0]! : e.node("Concat", parts, { attributes: { axis: 0 } });
}

/** L2 norm over all gradients together, summed row by row: one long sum would lose digits. @shape → [] */
export function emitNorm(e: Emitter, gradients: readonly string[]): string {
	const squares = gradients.map((flat) => {
		const rows = e.node("Reshape", [flat, e.int64s([-1, ROW])]);
		const sums = e.node("ReduceSum", [e.node("Mul", [rows, rows]), e.int64s([1])], { attributes: { keepdims: 0 } });
		return e.node("ReduceSum", [sums, e.int64s([0])], { attributes: { keepdims: 0 } });
	});
	return e.node("Sqrt", [squares.reduce((sum, square) => e.node("Add", [sum, square]))]);
}

/** Factor that brings a norm down to `maxNorm`. */
export function emitClipScale(e: Emitter, norm: string, maxNorm: number): string {
	const scale = e.node("Div", [e.float(maxNorm), e.node("Add", [norm, e.float(1e-6)])]);
	return e.node("Min", [e.float(1), scale]);
}

export interface UpdateInputs {
	/** Flat, not yet clipped. */
	readonly gradient: string;
	readonly clip: string;
	/** 1/√(1−β₂ᵗ), learning rate/(1−β₁ᵗ), and 1 − learning rate·weight decay. */
	readonly root: string;
	readonly rate: string;
	readonly keep: string;
}

/** One update of a group. */
export function emitUpdate(e: Emitter, state: StateNames, inputs: UpdateInputs, options: AdamWOptions): StateNames {
	const { beta1, beta2, epsilon } = options;
	const blend = (old: string, beta: number, fresh: string) =>
		e.node("Add", [e.node("Mul", [old, e.float(beta)]), e.node("Mul", [fresh, e.float(1 - beta)])]);
	const gradient = e.node("Mul", [inputs.gradient, inputs.clip]);
	const first = blend(state.first, beta1, gradient);
	const second = blend(state.second, beta2, e.node("Mul", [gradient, gradient]));
	const denominator = e.node("Add", [e.node("Mul", [e.node("Sqrt", [second]), inputs.root]), e.float(epsilon)]);
	const step = e.node("Div", [e.node("Mul", [first, inputs.rate]), denominator]);
	return { parameters: e.node("Sub", [e.node("Mul", [state.parameters, inputs.keep]), step]), first, second };
}
