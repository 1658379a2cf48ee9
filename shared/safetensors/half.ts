/** 16-bit floats and 32 bits. */

/** The value of each of the 65,536 halves: 2 ** x an element took 12 s for a vocabulary of 250,037. */
function halfTable(): Float32Array {
	const values = new Float32Array(65536);
	for (let h = 0; h < values.length; h++) {
		const exponent = (h >> 10) & 31;
		const fraction = h & 1023;
		const sign = h & 0x8000 ? -1 : 1;
		if (exponent === 31) values[h] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
		else values[h] = exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
	}
	return values;
}

/** Made when it is first needed, about a millisecond. */
let table: Float32Array | undefined;

/** IEEE half precision. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
	table ??= halfTable();
	const values = new Float32Array(bits.length);
	for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
	return values;
}

/** The upper half of a 32-bit float. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
	const values = new Uint32Array(bits.length);
	for (let i = 0; i < bits.length; i++) values[i] = bits[i]! << 16;
	return new Float32Array(values.buffer);
}

/** Nearest halves, ties to even, as their bits; beyond ±65,504 (rounded) infinite. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
	const from = new Uint32Array(values.buffer, values.byteOffset, values.length);
	const bits = new Uint16Array(values.length);
	for (let i = 0; i < bits.length; i++) {
		const sign = (from[i]! >>> 16) & 0x8000;
		bits[i] = sign | magnitudeToHalf(from[i]! & 0x7fffffff, values[i]!);
	}
	return bits;
}

function magnitudeToHalf(magnitude: number, value: number): number {
	if (magnitude > 0x7f800000) return 0x7e00; // NaN
	if (magnitude >= 0x477ff000) return 0x7c00; // 65,520 and above
	// Below the least normal half, steps are of 2^-24.
	if (magnitude < 0x38800000) return roundTiesToEven(Math.abs(value) * 2 ** 24);
	const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
	return rounded >>> 13;
}

function roundTiesToEven(x: number): number {
	const low = Math.floor(x);
	const rest = x - low;
	return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
