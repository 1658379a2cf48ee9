/**
 * An adapter merged into the base's weights: W' = W + B·A in fp32 over the same 4-bit W, then rounded to 8 bits as the base
 * is. What such a graph costs is what the base costs; what it differs by from the factors beside the base is one rounding.
 */
import type { EncoderConfig } from "../../models/index.js";
import type { ComputeMode } from "./compute.js";
import { type Nf4Linear, unpackNf4 } from "./nf4-linears.js";
import { packEightBit } from "./pack-linear.js";
import { allServedLayers, type ServedLayer } from "./served-layers.js";
import type { PackedTensor } from "./weights.js";

/** An adapted layer's factors. @shape a [R,K], b [R,N], the scale in b */
export interface MergedFactors {
	readonly r: number;
	readonly a: Float32Array;
	readonly b: Float32Array;
}

/** W += B·A for rows [from, from + N) of the weight. */
function addDelta(weight: Float32Array, from: number, n: number, k: number, { r, a, b }: MergedFactors): void {
	for (let row = 0; row < n; row++) {
		const target = weight.subarray((from + row) * k, (from + row + 1) * k);
		for (let i = 0; i < r; i++) {
			const factor = b[i * n + row]!;
			const source = a.subarray(i * k, (i + 1) * k);
			for (let j = 0; j < k; j++) target[j]! += factor * source[j]!;
		}
	}
}

function mergeLayer(layer: ServedLayer, nf4: Nf4Linear, factors: ReadonlyMap<string, MergedFactors>): Float32Array {
	const weight = unpackNf4(nf4);
	let from = 0;
	for (const { path, outFeatures } of layer.parts) {
		const own = factors.get(path);
		if (own) addDelta(weight, from, outFeatures, layer.inFeatures, own);
		from += outFeatures;
	}
	return weight;
}

/** The base's tensors (`packBase`) with the adapter's weights in the place of the base's. @param factors by layer's path */
export function mergeAdapter(
	config: EncoderConfig,
	compute: Exclude<ComputeMode, "fp32">,
	nf4: readonly Nf4Linear[],
	base: readonly PackedTensor[],
	factors: ReadonlyMap<string, MergedFactors>,
): PackedTensor[] {
	const merged = new Map<string, PackedTensor>();
	allServedLayers(config).forEach((layer, i) => {
		if (!layer.parts.some(({ path }) => factors.has(path))) return;
		const weight = mergeLayer(layer, nf4[i]!, factors);
		for (const tensor of packEightBit(layer.path, weight, layer.inFeatures, compute)) merged.set(tensor.input, tensor);
	});
	return base.map((tensor) => merged.get(tensor.input) ?? tensor);
}
