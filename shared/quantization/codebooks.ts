/** The code books of NF4 and of its double-quantised scales, and how a value finds its nearest code. */
import { NF4_VALUES } from "../graph/index.js";

/** @shape [16], ascending */
export const NF4_CODEBOOK: Float32Array = Float32Array.from(NF4_VALUES);

/**
 * The 256 values of bitsandbytes' signed dynamic type: seven decades, each split evenly into twice as many parts as the
 * one below it. @source Dettmers et al. 2021 (8-bit optimizers), create_dynamic_map · @shape [256], ascending
 */
export const DYNAMIC_CODEBOOK: Float32Array = dynamicCodebook();

function dynamicCodebook(): Float32Array {
	const values = [0, 1];
	for (let exponent = 0; exponent < 7; exponent++) {
		const parts = 2 ** exponent;
		const bound = (i: number) => evenly(0.1, 1, parts + 1, i);
		for (let i = 0; i < parts; i++) {
			const middle = Math.fround(Math.fround(bound(i) + bound(i + 1)) / 2);
			const value = Math.fround(Math.fround(10 ** (exponent - 6)) * middle);
			values.push(value, -value);
		}
	}
	return Float32Array.from(values).sort();
}

/** Element i of n numbers from start to end in fp32 arithmetic, the upper half counted from the end as torch.linspace does. */
function evenly(start: number, end: number, n: number, i: number): number {
	const [a, b] = [Math.fround(start), Math.fround(end)];
	const step = Math.fround(Math.fround(b - a) / (n - 1));
	return i < n / 2 ? Math.fround(a + step * i) : Math.fround(b - step * (n - 1 - i));
}

/** Middles between neighbouring codes: a value on one belongs to the lower code. */
export function midpoints(codebook: Float32Array): Float32Array {
	return Float32Array.from({ length: codebook.length - 1 }, (_, i) => (codebook[i]! + codebook[i + 1]!) / 2);
}

/** How many bounds lie below a value: its nearest code. */
export function bucket(value: number, bounds: Float32Array): number {
	let [low, high] = [0, bounds.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (bounds[middle]! < value) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** Bins of [-1, 1], so narrow that no two bounds between NF4 codes lie in one. */
const BINS = 4096;
const NF4_BOUNDS = Float32Array.of(...midpoints(NF4_CODEBOOK), Number.POSITIVE_INFINITY);
/** The lowest code that a value of each bin can have: that of the bin before, for a product that was rounded up into this one. */
const LOWEST_CODE = Uint8Array.from({ length: BINS + 1 }, (_, bin) => bucket((2 * (bin - 1)) / BINS - 1, NF4_BOUNDS));

/** The NF4 code nearest to a value in [-1, 1]: a look-up and one comparison in place of a search. */
export function nf4Code(value: number): number {
	const code = LOWEST_CODE[((value + 1) * (BINS / 2)) | 0]!;
	return value > NF4_BOUNDS[code]! ? code + 1 : code;
}

/**
 * A value in [-1, 1] rounded to the nearest of 65,536 even steps: bitsandbytes' CPU kernel looks codes up by such a step,
 * so that a value next to a midpoint can fall on its other side.
 */
export function toStep(value: number): number {
	const scaled = Math.fround(Math.fround(Math.fround(Math.fround(value + 1) * 0.5) * 65535) + 0.5);
	return Math.fround(-1 + (2 * Math.floor(scaled)) / 65535);
}
