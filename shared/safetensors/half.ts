/** 16-bit floats to 32 bits. */

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
