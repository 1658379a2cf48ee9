/**
 * The 16 values of NF4: quantiles of a standard normal, scaled to [-1, 1], 0 among them.
 * @source QLoRA (Dettmers et al., 2023), appendix E; bitsandbytes has the same numbers
 */
export const NF4_VALUES: readonly number[] = [
	-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495,
	0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
	0.7229568362236023, 1.0,
];

/** The four values of every pair of code bytes, little-endian, the even element of a byte in its high nibble. @shape [65536,4] */
export function nf4QuadCodebook(): Float32Array {
	const table = new Float32Array(65536 * 4);
	for (let pair = 0; pair < 65536; pair++) {
		table[4 * pair] = NF4_VALUES[(pair >> 4) & 15]!;
		table[4 * pair + 1] = NF4_VALUES[pair & 15]!;
		table[4 * pair + 2] = NF4_VALUES[(pair >> 12) & 15]!;
		table[4 * pair + 3] = NF4_VALUES[(pair >> 8) & 15]!;
	}
	return table;
}
