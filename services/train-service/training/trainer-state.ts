/** A trainer's state by name, for checkpoints: each parameter's values and both of its moments. */
import { assert } from "@dak/shared/errors";
import type { AdamW, ParameterSpec } from "@dak/shared/nn";

export interface StateTensor {
	readonly shape: readonly number[];
	readonly values: Float32Array;
}

/** What the next step depends on, beside the trainer's options. */
export interface TrainerState {
	/** Steps taken; order, noise and schedule follow from it. */
	readonly step: number;
	/** What the learning rate is multiplied by. */
	readonly learningRateScale: number;
	readonly tensors: ReadonlyMap<string, StateTensor>;
}

/** Parameters and moments by name. Borrowed: the next step changes them in place. */
export function stateTensors(
	specs: readonly ParameterSpec[],
	values: readonly Float32Array[],
	{ moments }: AdamW,
): ReadonlyMap<string, StateTensor> {
	return new Map(
		specs.flatMap(({ name, shape }, i): [string, StateTensor][] => [
			[`parameter.${name}`, { shape, values: values[i]! }],
			[`first_moment.${name}`, { shape, values: moments[i]!.first }],
			[`second_moment.${name}`, { shape, values: moments[i]!.second }],
		]),
	);
}

/** Copies one state's values over another's. @throws (assertion) if they are not of the same parameters */
export function copyTensors(from: ReadonlyMap<string, StateTensor>, to: ReadonlyMap<string, StateTensor>): void {
	for (const [name, { values }] of to) {
		const saved = from.get(name)?.values;
		assert(saved?.length === values.length, `${name} has ${values.length} elements in training, ${saved?.length} in what is restored`);
		values.set(saved);
	}
}
