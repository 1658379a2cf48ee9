/** Weights in 8 bits, as the exported graphs' operators read them: symmetric, a scale for each block or row. */

/** Elements of a row that share a scale (MatMulNBits takes powers of two from 16). */
export const BLOCK = 32;
/** MatMulNBits' code for zero where it is given none. */
const ZERO = 128;
const LARGEST = 127;

export interface Quantized {
	readonly codes: Uint8Array | Int8Array;
	readonly scales: Float32Array;
}

const largestOf = (values: Float32Array, from: number, to: number): number => {
	let largest = 0;
	for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(values[i]!));
	return largest;
};

/** Scale of a range, and its inverse; a range of zeros has codes of zero whatever its scale. */
function scaleOf(values: Float32Array, from: number, to: number): { readonly scale: number; readonly inverse: number } {
	const scale = Math.fround(largestOf(values, from, to) / LARGEST);
	return { scale, inverse: scale === 0 ? 0 : 1 / scale };
}

/**
 * MatMulNBits' form with 8 bits. @shape weight [N,K] → codes [N,⌈K/BLOCK⌉,BLOCK], scales [N·⌈K/BLOCK⌉]
 * @source onnxruntime contrib operators, MatMulNBits
 */
export function quantizeBlocks(weight: Float32Array, n: number, k: number): Quantized {
	const blocks = Math.ceil(k / BLOCK);
	const codes = new Uint8Array(n * blocks * BLOCK).fill(ZERO);
	const scales = new Float32Array(n * blocks);
	for (let at = 0; at < scales.length; at++) {
		const start = Math.floor(at / blocks) * k + (at % blocks) * BLOCK;
		const size = Math.min(BLOCK, k - (at % blocks) * BLOCK);
		const { scale, inverse } = scaleOf(weight, start, start + size);
		scales[at] = scale;
		for (let i = 0; i < size; i++) codes[at * BLOCK + i] = ZERO + Math.round(weight[start + i]! * inverse);
	}
	return { codes, scales };
}

/** @shape table [V,D] → codes [V,D], scales [V,1] */
export function quantizeRows(table: Float32Array, size: number): Quantized {
	const codes = new Int8Array(table.length);
	const scales = new Float32Array(table.length / size);
	for (let row = 0; row < scales.length; row++) {
		const { scale, inverse } = scaleOf(table, row * size, (row + 1) * size);
		scales[row] = scale;
		for (let i = row * size; i < (row + 1) * size; i++) codes[i] = Math.round(table[i]! * inverse);
	}
	return { codes, scales };
}
