/** A base model's tensors with an adapter merged into its linear layers, one at a time: W' = dequantised W + scale · B·A. */
import type { LoraModule } from "@dak/shared/adapters";
import { type BaseModel, linearLayers } from "@dak/shared/models";
import { dequantizeNf4, quantizeNf4 } from "@dak/shared/quantization";

export interface MergeOptions {
	/** Borrowed; its weights file stays open. */
	readonly base: BaseModel;
	readonly modules: readonly LoraModule[];
	/** lora_alpha / r. */
	readonly scale: number;
	/** Of the base that the adapter was trained on: what it corrects is that base's error too. */
	readonly quantization: "nf4" | "nf4-double" | "none";
}

export class MergedWeights {
	readonly #linear: ReadonlySet<string>;
	readonly #modules: ReadonlyMap<string, LoraModule>;

	constructor(private readonly options: MergeOptions) {
		this.#linear = new Set(linearLayers(options.base.encoder).map(({ path }) => `${path}.weight`));
		this.#modules = new Map(options.modules.map((module) => [`${module.path}.weight`, module]));
	}

	/** @throws INVALID_MODEL if there is no such tensor */
	float32(name: string): Float32Array {
		const weight = this.#linear.has(name) ? this.#dequantized(name) : this.options.base.weights.float32(name);
		const module = this.#modules.get(name);
		if (module) addProduct(weight, module, this.options.scale);
		return weight;
	}

	#dequantized(name: string): Float32Array {
		const { base, quantization } = this.options;
		const weight = base.weights.float32(name);
		if (quantization === "none") return weight;
		const shape = base.weights.tensors.get(name)!.shape as [number, number];
		return dequantizeNf4(quantizeNf4(weight, shape, { doubleQuant: quantization === "nf4-double" }));
	}
}

/** weight += scale · B·A. @shape weight [N,K], a [R,K], b [N,R] */
function addProduct(weight: Float32Array, { a, b, r, inFeatures: k, outFeatures: n }: LoraModule, scale: number): void {
	const row = new Float64Array(k);
	for (let i = 0; i < n; i++) {
		row.fill(0);
		for (let j = 0; j < r; j++) {
			const factor = scale * b[i * r + j]!;
			for (let at = 0; at < k; at++) row[at]! += factor * a[j * k + at]!;
		}
		for (let at = 0; at < k; at++) weight[i * k + at]! += row[at]!;
	}
}
