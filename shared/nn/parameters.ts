/** What is trained: graph inputs that the optimiser updates between steps. */
import type { Graph, Value } from "../graph/index.js";
import { Random } from "../random/index.js";

/** Parameters of a group share a learning rate. */
export type ParameterGroup = "lora" | "decoder";

/** How a parameter begins. normal: mean 0 and this standard deviation. */
export type Init =
	| { readonly kind: "normal"; readonly std: number }
	| { readonly kind: "uniform"; readonly bound: number }
	| { readonly kind: "constant"; readonly value: number };

export interface ParameterSpec {
	readonly name: string;
	readonly shape: readonly number[];
	readonly group: ParameterGroup;
	readonly init: Init;
}

/** Declares parameters in a graph and keeps their list, in order of declaration. */
export class Parameters {
	readonly specs: ParameterSpec[] = [];
	readonly values: Value[] = [];
	readonly #known = new Map<string, Value>();

	constructor(private readonly graph: Graph) {}

	declare(spec: ParameterSpec): Value {
		const known = this.#known.get(spec.name);
		if (known) return known;
		const value = this.graph.input(spec.name, "float32", spec.shape);
		this.specs.push(spec);
		this.values.push(value);
		this.#known.set(spec.name, value);
		return value;
	}
}

export const sizeOf = (spec: ParameterSpec): number => spec.shape.reduce((n, d) => n * d, 1);

/** A parameter's first values; they depend on the seed and the parameter's name only. */
export function initialValues(spec: ParameterSpec, seed: number): Float32Array {
	const values = new Float32Array(sizeOf(spec));
	const { init } = spec;
	if (init.kind === "constant") return values.fill(init.value);
	const random = Random.for(seed, spec.name);
	for (let i = 0; i < values.length; i++)
		values[i] = init.kind === "normal" ? init.std * random.normal() : init.bound * (2 * random.next() - 1);
	return values;
}
