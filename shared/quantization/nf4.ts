/**
 * NF4, bit for bit as bitsandbytes packs it: blocks of 64, scaled by their largest magnitude, each element the nearest of
 * 16 codes. @source QLoRA (Dettmers et al. 2023); bitsandbytes' quantize_4bit
 */
import { assert, DakError } from "../errors/index.js";
import { bucket, DYNAMIC_CODEBOOK, midpoints, NF4_CODEBOOK, nf4Code, toStep } from "./codebooks.js";
import type { DoubleQuantized, Nf4Tensor } from "./types.js";

export const BLOCK = 64;
export const NESTED_BLOCK = 256;

const DYNAMIC_BOUNDS = midpoints(DYNAMIC_CODEBOOK);

/** Largest magnitude of each block. @throws INVALID_MODEL for a value that is not finite, which no code could stand for */
function blockMaxima(values: Float32Array, block: number): Float32Array {
	const maxima = new Float32Array(Math.ceil(values.length / block));
	for (let i = 0; i < values.length; i++) {
		const magnitude = Math.abs(values[i]!);
		const at = (i / block) | 0;
		if (magnitude <= maxima[at]!) continue;
		if (!Number.isFinite(magnitude))
			throw new DakError("INVALID_MODEL", `element ${i} of a weight is ${values[i]}, allowed: finite numbers`);
		maxima[at] = magnitude;
	}
	return maxima;
}

/**
 * Packs a weight. @shape weights [N,K] row-major
 * @throws INVALID_MODEL for a weight that is not finite; (assertion) if N·K is no multiple of 64
 */
export function quantizeNf4(
	weights: Float32Array,
	shape: readonly [number, number],
	{ doubleQuant }: { readonly doubleQuant: boolean },
): Nf4Tensor {
	assert(weights.length === shape[0] * shape[1] && weights.length % BLOCK === 0, `NF4 of ${weights.length} elements as [${shape}]`);
	const absmax = blockMaxima(weights, BLOCK);
	const codes = new Uint8Array(weights.length / 2);
	for (let block = 0; block < absmax.length; block++) {
		const inverse = Math.fround(1 / Math.max(absmax[block]!, 1e-38));
		for (let i = block * BLOCK; i < (block + 1) * BLOCK; i += 2) {
			const even = nf4Code(Math.fround(weights[i]! * inverse));
			codes[i / 2] = (even << 4) | nf4Code(Math.fround(weights[i + 1]! * inverse));
		}
	}
	return { shape, codes, absmax: doubleQuant ? quantizeAbsmax(absmax) : { kind: "fp32", values: absmax } };
}

/** Scales in 8 bits: their mean is taken off, then blocks of 256 of the dynamic type. */
function quantizeAbsmax(absmax: Float32Array): DoubleQuantized {
	const offset = Math.fround(absmax.reduce((sum, value) => sum + value, 0) / absmax.length);
	const centred = absmax.map((value) => value - offset);
	const nestedAbsmax = blockMaxima(centred, NESTED_BLOCK);
	const codes = new Uint8Array(absmax.length);
	centred.forEach((value, i) => {
		const inverse = Math.fround(1 / Math.max(nestedAbsmax[(i / NESTED_BLOCK) | 0]!, 1e-38));
		codes[i] = bucket(toStep(Math.fround(value * inverse)), DYNAMIC_BOUNDS);
	});
	return { kind: "double", codes, nestedAbsmax, offset };
}

/** The fp32 scale of each block. @shape → [N·K/64] */
export function dequantizeAbsmax({ absmax }: Nf4Tensor): Float32Array {
	if (absmax.kind === "fp32") return absmax.values;
	const { codes, nestedAbsmax, offset } = absmax;
	const scales = new Float32Array(codes.length);
	for (let i = 0; i < codes.length; i++)
		scales[i] = Math.fround(DYNAMIC_CODEBOOK[codes[i]!]! * nestedAbsmax[(i / NESTED_BLOCK) | 0]!) + offset;
	return scales;
}

/** The weight that the codes stand for. @shape → [N,K] */
export function dequantizeNf4(tensor: Nf4Tensor): Float32Array {
	const scales = dequantizeAbsmax(tensor);
	const values = new Float32Array(tensor.codes.length * 2);
	for (let i = 0; i < tensor.codes.length; i++) {
		const scale = scales[(2 * i) >> 6]!;
		values[2 * i] = NF4_CODEBOOK[tensor.codes[i]! >> 4]! * scale;
		values[2 * i + 1] = NF4_CODEBOOK[tensor.codes[i]! & 15]! * scale;
	}
	return values;
}

/**
 * The same codes in another order, for unpacking a whole half at a time: byte i holds element i in its high nibble and
 * element i + N·K/2 in its low one. @shape codes [N·K/2] → [N·K/2]
 */
export function codePlanes(codes: Uint8Array): Uint8Array {
	const half = codes.length;
	const code = (element: number) => (element % 2 === 0 ? codes[element >> 1]! >> 4 : codes[element >> 1]! & 15);
	// A plain loop: every weight of the base passes here while a service starts.
	const planes = new Uint8Array(half);
	for (let i = 0; i < half; i++) planes[i] = (code(i) << 4) | code(i + half);
	return planes;
}

/** Bytes that a packed weight takes. */
export function nf4Bytes({ codes, absmax }: Nf4Tensor): number {
	return (
		codes.byteLength + (absmax.kind === "fp32" ? absmax.values.byteLength : absmax.codes.byteLength + absmax.nestedAbsmax.byteLength + 4)
	);
}
