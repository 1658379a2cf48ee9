import fc from "fast-check";
import { expect, it } from "vitest";
import { float16ToFloat32, float32ToFloat16 } from "./half.js";

it("every half comes back from 32 bits as it was", () => {
	const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((h) => (h & 0x7c00) !== 0x7c00 || (h & 0x3ff) === 0);
	expect(float32ToFloat16(float16ToFloat32(bits))).toEqual(bits);
	expect(float16ToFloat32(float32ToFloat16(Float32Array.of(Number.NaN)))[0]).toBeNaN();
});

it("a number becomes the nearest half, of two that are as near the even one", () => {
	const near = (value: number) => float32ToFloat16(Float32Array.of(value))[0]!;
	fc.assert(
		fc.property(fc.float({ min: -65519, max: 65519, noNaN: true }), (value) => {
			const bits = near(value);
			const gap = (h: number) => Math.abs(float16ToFloat32(Uint16Array.of(h))[0]! - value);
			for (const other of [bits - 1, bits + 1]) if ((other & 0x7fff) < 0x7c00) expect(gap(bits)).toBeLessThanOrEqual(gap(other));
		}),
		{ numRuns: 2000 },
	);
	expect([near(1 + 2 ** -11), near(1 + 3 * 2 ** -11), near(2 ** -25), near(3 * 2 ** -25)]).toEqual([0x3c00, 0x3c02, 0, 2]);
	expect([near(65519), near(65520), near(-1e30)]).toEqual([0x7bff, 0x7c00, 0xfc00]);
});
