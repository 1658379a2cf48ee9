/**
 * The base model's weights as a training graph sees them: inputs, fed without a copy, never part of the graph's file.
 * Linear layers stay in NF4 and are unpacked where they are used.
 */
import { type DType, type Graph, linear, linearNf4, type Nf4Weight, type Shape, type Value } from "../graph/index.js";

/** An input that wants (a part of) a tensor of the base model. */
export interface FrozenInput {
	/** The graph input's name. */
	readonly input: string;
	/** The tensor's name in the base model. */
	readonly tensor: string;
	/** fp32: as it is; else a part of its NF4 form. Codes are as bitsandbytes packs them, planes as `codePlanes` does. */
	readonly part: "fp32" | "codes" | "planes" | "absmax";
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

	/** x·Wᵀ with a linear layer's weight. @shape x [T,K], shape [N,K] → [T,N] */
	product(path: string, x: Value, shape: readonly [number, number]): Value {
		const name = `${path}.weight`;
		return this.quantized ? linearNf4(x, this.#packed(name, shape)) : linear(x, this.tensor(name, shape));
	}

	#packed(name: string, shape: readonly [number, number]): Nf4Weight {
		const size = shape[0] * shape[1];
		const part = (of: Exclude<FrozenInput["part"], "fp32">, dtype: DType, count: number) =>
			this.#once(`${name}.${of}`, () => this.#declare(`${name}.${of}`, name, of, dtype, [count]));
		return {
			codes: part("codes", "uint8", size / 2),
			planes: part("planes", "uint8", size / 2),
			absmax: part("absmax", "float32", size / 64),
			shape,
		};
	}

	#declare(input: string, tensor: string, part: FrozenInput["part"], dtype: DType, shape: Shape): Value {
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
