/**
 * The base model's weights as a training graph sees them: inputs, fed without a copy, never part of the graph's file.
 * Linear layers stay in NF4 and are unpacked where they are used.
 */
import { dequantizeNf4, type Graph, type Shape, type Value } from "../graph/index.js";

/** An input that wants (a part of) a tensor of the base model. */
export interface FrozenInput {
	/** The graph input's name. */
	readonly input: string;
	/** The tensor's name in the base model. */
	readonly tensor: string;
	/** fp32: as it is; codes, absmax: the two parts of its NF4 form. */
	readonly part: "fp32" | "codes" | "absmax";
}

export class FrozenWeights {
	readonly inputs: FrozenInput[] = [];
	readonly #values = new Map<string, Value>();

	constructor(
		private readonly graph: Graph,
		private readonly quantized: boolean,
	) {}

	/** A tensor that is never quantised: embeddings, biases, layer norms. */
	tensor(name: string, shape: Shape): Value {
		return this.#once(name, () => this.#declare(name, name, "fp32", "float32", shape));
	}

	/** A linear layer's weight. @shape [N,K] */
	linear(path: string, shape: readonly [number, number]): Value {
		const name = `${path}.weight`;
		if (!this.quantized) return this.tensor(name, shape);
		return this.#once(name, () => {
			const size = shape[0] * shape[1];
			const codes = this.#declare(`${name}.codes`, name, "codes", "uint16", [size / 4]);
			const absmax = this.#declare(`${name}.absmax`, name, "absmax", "float32", [size / 64, 1]);
			return dequantizeNf4(codes, absmax, shape);
		});
	}

	#declare(input: string, tensor: string, part: FrozenInput["part"], dtype: "float32" | "uint16", shape: Shape): Value {
		this.inputs.push({ input, tensor, part });
		return this.graph.input(input, dtype, shape);
	}

	#once(name: string, make: () => Value): Value {
		const known = this.#values.get(name);
		if (known) return known;
		const value = make();
		this.#values.set(name, value);
		return value;
	}
}
