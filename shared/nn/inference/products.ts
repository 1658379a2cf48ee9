/** x·Wᵀ in each compute mode. A row of x meets no other row: not in its sums, and not in how it is rounded. */
import { add, type Graph, MICROSOFT, onnx, type Value } from "../../graph/index.js";
import type { ComputeMode } from "./compute.js";
import { EightBitProducts, type Range } from "./eight-bit-products.js";
import { NF4_BLOCK } from "./nf4-linears.js";
import { codesInput, scaleInput } from "./pack-linear.js";
import type { ServedLayer } from "./served-layers.js";
import type { BaseInputs } from "./weights.js";

/** MatMulBnb4's number for NF4. */
const NF4 = 1;

export interface Products {
	/** x·Wᵀ, with its bias where it has one. @shape x [T,K] → [T,N] */
	linear(layer: ServedLayer, x: Value, range: Range): Value;
}

/** The kernel unpacks the 4-bit weight and forgets it. */
class Fp32Products implements Products {
	constructor(private readonly weights: BaseInputs) {}

	linear({ path, inFeatures: K, outFeatures: N, bias }: ServedLayer, x: Value): Value {
		const codes = this.weights.tensor(codesInput(path), [(N * K) / 2], "uint8");
		const absmax = this.weights.tensor(scaleInput(path), [(N * K) / NF4_BLOCK]);
		const product = onnx([x, codes, absmax], {
			opType: "MatMulBnb4",
			domain: MICROSOFT,
			attributes: { K, N, block_size: NF4_BLOCK, quant_type: NF4 },
			outputs: [{ dtype: "float32", shape: [x.shape[0]!, N] }],
		})[0]!;
		return bias ? add(product, this.weights.tensor(`${path}.bias`, [N])) : product;
	}
}

export function productsOf(compute: ComputeMode, graph: Graph, weights: BaseInputs): Products {
	return compute === "fp32" ? new Fp32Products(weights) : new EightBitProducts(graph, weights, compute);
}
