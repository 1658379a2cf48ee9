/** 16-bit floats to 32 bits. */

/** IEEE half precision. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
	const values = new Float32Array(bits.length);
	for (let i = 0; i < bits.length; i++) {
		const h = bits[i]!;
		const exponent = (h >> 10) & 31;
		const fraction = h & 1023;
		const sign = h & 0x8000 ? -1 : 1;
		if (exponent === 31) values[i] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
		else values[i] = exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
	}
	return values;
}

/** The upper half of a 32-bit float. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
	const values = new Uint32Array(bits.length);
	for (let i = 0; i < bits.length; i++) values[i] = bits[i]! << 16;
	return new Float32Array(values.buffer);
}
