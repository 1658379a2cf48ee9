import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../safetensors/index.js";
import { bucket, midpoints, nf4Code } from "./codebooks.js";
import { BLOCK, DYNAMIC_CODEBOOK, dequantizeAbsmax, dequantizeNf4, NESTED_BLOCK, NF4_CODEBOOK, nf4Bytes, quantizeNf4 } from "./index.js";

const file = openSafetensors(join(import.meta.dirname, "fixtures", "nf4.safetensors"));
const golden = (name: string) => file.float32(name);
const goldenBytes = (name: string) => [...file.bytes(name).data];

/** The weight that fixtures/make_nf4.py makes by the same formula. */
function spread(rows: number): Float32Array {
	return Float32Array.from({ length: rows * BLOCK }, (_, i) => {
		const x = ((i * 2654435761) % 2 ** 32) / 2 ** 31 - 1;
		return x * x * x * 0.25;
	});
}

const WEIGHTS: Readonly<Record<string, () => Float32Array>> = {
	spread: () => spread(320),
	edges: () => golden("edges"),
	nested_edges: () => golden("nested_edges"),
};
const every19th = (values: Float32Array) => values.filter((_, i) => i % 19 === 0);

/** Largest difference over the largest expected magnitude. */
function relativeGap(actual: Float32Array, expected: Float32Array): number {
	expect(actual.length).toBe(expected.length);
	const range = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
	return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0) / range;
}

describe("code books", () => {
	it("are bitsandbytes' to the last bit", () => {
		expect([...NF4_CODEBOOK]).toEqual([...golden("nf4_codebook")]);
		expect([...DYNAMIC_CODEBOOK]).toEqual([...golden("dynamic_codebook")]);
	});
});

describe("NF4 as bitsandbytes packs it", () => {
	it.each(Object.keys(WEIGHTS))("%s: codes, scales and values", (name) => {
		const weight = WEIGHTS[name]!();
		const packed = quantizeNf4(weight, [weight.length / BLOCK, BLOCK], { doubleQuant: false });
		expect([...packed.codes]).toEqual(goldenBytes(`${name}.codes`));
		expect([...dequantizeAbsmax(packed)]).toEqual([...golden(`${name}.absmax`)]);
		expect([...every19th(dequantizeNf4(packed))]).toEqual([...golden(`${name}.values`)]);
	});

	it.each(["spread", "nested_edges"])("%s: scales in 8 bits", (name) => {
		const weight = WEIGHTS[name]!();
		const packed = quantizeNf4(weight, [weight.length / BLOCK, BLOCK], { doubleQuant: true });
		if (packed.absmax.kind !== "double") throw new Error("not double quantised");
		expect([...packed.absmax.codes]).toEqual(goldenBytes(`${name}.nested_codes`));
		// torch adds up a mean in an order that depends on the processor: its last bit is nobody's to promise.
		expect(relativeGap(Float32Array.of(packed.absmax.offset), golden(`${name}.offset`))).toBeLessThan(2e-7);
		expect(relativeGap(packed.absmax.nestedAbsmax, golden(`${name}.nested_absmax`))).toBeLessThan(1e-6);
		expect(relativeGap(every19th(dequantizeNf4(packed)), golden(`${name}.values_double`))).toBeLessThan(1e-6);
	});

	it("takes 4.127 bits an element, 4.5 without double quantisation", () => {
		const weight = spread(1024);
		const bits = (doubleQuant: boolean) => (8 * nf4Bytes(quantizeNf4(weight, [1024, BLOCK], { doubleQuant }))) / weight.length;
		expect(bits(true)).toBeCloseTo(4.127, 3);
		expect(bits(false)).toBe(4.5);
	});

	it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("refuses a weight that holds %s", (value) => {
		const weight = spread(2).fill(value, 70, 71);
		const refusal = expect.objectContaining({ reason: "INVALID_MODEL", message: expect.stringContaining("element 70") });
		expect(() => quantizeNf4(weight, [2, BLOCK], { doubleQuant: true })).toThrowError(refusal);
	});

	it("will not pack a weight that fills no whole blocks", () => {
		expect(() => quantizeNf4(new Float32Array(65), [1, 65], { doubleQuant: true })).toThrowError(/65 elements/);
	});
});

describe("properties", () => {
	const finite = fc.float({ noNaN: true, min: -1e6, max: 1e6, noDefaultInfinity: true });
	const weight = fc
		.array(finite, { minLength: 1, maxLength: 200 })
		.map((values) => Float32Array.from({ length: Math.ceil(values.length / BLOCK) * BLOCK }, (_, i) => values[i % values.length]!));
	const pack = (values: Float32Array) => quantizeNf4(values, [values.length / BLOCK, BLOCK], { doubleQuant: false });

	it("packing what was unpacked changes nothing more", () => {
		fc.assert(
			fc.property(weight, (values) => {
				// Subnormal numbers have fewer digits: there a product with a code is rounded away.
				fc.pre(values.every((value) => value === 0 || Math.abs(value) > 1e-30));
				const once = dequantizeNf4(pack(values));
				expect(dequantizeNf4(pack(once))).toEqual(once);
			}),
		);
	});

	it("a value is off by at most half the widest gap between codes, times its block's scale", () => {
		const widest = NF4_CODEBOOK.reduce((most, code, i) => Math.max(most, code - (NF4_CODEBOOK[i - 1] ?? code)), 0);
		fc.assert(
			fc.property(weight, (values) => {
				const packed = pack(values);
				const scales = dequantizeAbsmax(packed);
				dequantizeNf4(packed).forEach((value, i) => {
					const scale = scales[Math.floor(i / BLOCK)]!;
					expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual((widest / 2) * scale * (1 + 1e-6) + 1e-38);
				});
			}),
		);
	});

	it("looks the same code up as a search finds, next to every bound too", () => {
		const bounds = midpoints(NF4_CODEBOOK);
		const ulp = 2 ** -24;
		const nearBound = fc
			.tuple(fc.constantFrom(...bounds, ...NF4_CODEBOOK), fc.integer({ min: -3, max: 3 }))
			.map(([x, n]) => Math.fround(x + n * ulp));
		fc.assert(
			fc.property(fc.oneof(nearBound, fc.float({ noNaN: true, min: -1, max: 1 })), (value) => {
				expect(nf4Code(value)).toBe(bucket(value, bounds));
			}),
			{ numRuns: 1000 },
		);
	});

	it("finds the code that lies nearest, by comparing with all", () => {
		const bounds = midpoints(DYNAMIC_CODEBOOK);
		fc.assert(
			fc.property(fc.float({ noNaN: true, min: -1, max: 1 }), (value) => {
				const nearest = DYNAMIC_CODEBOOK.reduce(
					(best, code, i) => (Math.abs(code - value) < Math.abs(DYNAMIC_CODEBOOK[best]! - value) ? i : best),
					0,
				);
				const found = bucket(value, bounds);
				expect(Math.abs(DYNAMIC_CODEBOOK[found]! - value)).toBeCloseTo(Math.abs(DYNAMIC_CODEBOOK[nearest]! - value), 6);
			}),
		);
	});

	it("scales of 8 bits stay within a hundredth of their block's largest deviation", () => {
		fc.assert(
			fc.property(
				fc.array(fc.float({ noNaN: true, min: Math.fround(0.01), max: 1 }), { minLength: NESTED_BLOCK + 3, maxLength: NESTED_BLOCK + 40 }),
				(maxima) => {
					const weights = new Float32Array(maxima.length * BLOCK);
					maxima.forEach((value, block) => {
						weights[block * BLOCK + 5] = value;
					});
					const packed = quantizeNf4(weights, [maxima.length, BLOCK], { doubleQuant: true });
					if (packed.absmax.kind !== "double") throw new Error("not double quantised");
					const { nestedAbsmax } = packed.absmax;
					dequantizeAbsmax(packed).forEach((scale, block) => {
						expect(Math.abs(scale - maxima[block]!)).toBeLessThanOrEqual(0.01 * nestedAbsmax[Math.floor(block / NESTED_BLOCK)]! + 1e-6);
					});
				},
			),
			{ numRuns: 30 },
		);
	});
});
