/** The base's linear layers in 4 bits: what every mode's weights, and adapters merged into them, are made from. */
import type { BaseModel } from "../../models/index.js";
import { dequantizeAbsmax, dequantizeNf4, quantizeNf4 } from "../../quantization/index.js";
import { allServedLayers, type ServedLayer } from "./served-layers.js";

/** A layer as serving multiplies it. @shape codes [N·K/2], absmax [N·K/64] */
export interface Nf4Linear {
	readonly path: string;
	readonly inFeatures: number;
	readonly outFeatures: number;
	readonly codes: Uint8Array;
	readonly absmax: Float32Array;
}

/** Reads and packs every layer, one at a time. @throws INVALID_MODEL for a tensor that cannot be read */
export function packNf4(base: BaseModel): Nf4Linear[] {
	return allServedLayers(base.encoder).map((layer) => packLayer(base, layer));
}

/** Parts are packed apart, as training packs them, and then laid end to end. */
function packLayer(base: BaseModel, { path, parts, inFeatures, outFeatures }: ServedLayer): Nf4Linear {
	const packed = parts.map((part) =>
		quantizeNf4(base.weights.float32(`${part.path}.weight`), [part.outFeatures, inFeatures], { doubleQuant: true }),
	);
	const codes = new Uint8Array((outFeatures * inFeatures) / 2);
	const absmax = new Float32Array((outFeatures * inFeatures) / NF4_BLOCK);
	let [codesEnd, absmaxEnd] = [0, 0];
	for (const part of packed) {
		codes.set(part.codes, codesEnd);
		codesEnd += part.codes.length;
		const scales = dequantizeAbsmax(part);
		absmax.set(scales, absmaxEnd);
		absmaxEnd += scales.length;
	}
	return { path, inFeatures, outFeatures, codes, absmax };
}

/** NF4's block of elements that share a scale. */
export const NF4_BLOCK = 64;

/** The weight that the codes stand for. @shape → [N,K] */
export function unpackNf4({ inFeatures, outFeatures, codes, absmax }: Nf4Linear): Float32Array {
	return dequantizeNf4({ shape: [outFeatures, inFeatures], codes, absmax: { kind: "fp32", values: absmax } });
}
