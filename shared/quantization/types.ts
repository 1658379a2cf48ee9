/**
 * A weight in NF4 as bitsandbytes stores it: row-major, two elements a byte (the even one in the high nibble), one scale
 * a block of 64 elements; with double quantisation the scales are 8-bit codes of a dynamic code book, one fp32 scale a
 * block of 256, after their mean (`offset`) was taken off.
 */
export interface Nf4Tensor {
	readonly shape: readonly [outFeatures: number, inFeatures: number];
	/** ceil(N·K / 2) bytes. */
	readonly codes: Uint8Array;
	readonly absmax: { readonly kind: "fp32"; readonly values: Float32Array } | DoubleQuantized;
}

export interface DoubleQuantized {
	readonly kind: "double";
	/** One code a block of 64 elements. */
	readonly codes: Uint8Array;
	/** One fp32 scale a block of 256 codes. */
	readonly nestedAbsmax: Float32Array;
	readonly offset: number;
}
