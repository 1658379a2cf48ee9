import { describe, expect, it } from "vitest";
import { SYNTHETIC_CONFIGS } from "../../models/index.js";
import { checkExport, exportOnnx } from "./index.js";
import { BLOCK, quantizeBlocks, quantizeRows } from "./int8.js";

const spread = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) * (1 + (i % 5)));

describe("8-bit weights", () => {
	it("are off by at most half a step of their block, whose last one may be short", () => {
		const [n, k] = [3, BLOCK + 7];
		const weight = spread(n * k);
		const { codes, scales } = quantizeBlocks(weight, n, k);
		expect([codes.length, scales.length]).toEqual([n * 2 * BLOCK, n * 2]);
		weight.forEach((value, i) => {
			const [row, column] = [Math.floor(i / k), i % k];
			const block = row * 2 + Math.floor(column / BLOCK);
			const found = (codes[block * BLOCK + (column % BLOCK)]! - 128) * scales[block]!;
			expect(Math.abs(found - value)).toBeLessThanOrEqual(scales[block]! / 2 + 1e-6);
		});
	});

	it("are zero for a row of zeros, not NaN", () => {
		const { codes, scales } = quantizeRows(Float32Array.of(0, 0, 1, -2), 2);
		expect([...codes]).toEqual([0, 0, 64, -127]);
		expect([...scales]).toEqual([0, Math.fround(2 / 127)]);
	});
});

describe("an export", () => {
	const large = { ...SYNTHETIC_CONFIGS["bert-335m"], vocabSize: 250_037 };

	it("that no file can hold is refused before a weight is read; in 8 bits it fits", () => {
		expect(() => checkExport(large, "fp32")).toThrowError(expect.objectContaining({ reason: "NOT_IMPLEMENTED" }));
		expect(() => checkExport(large, "int8")).not.toThrow();
	});

	it("of an architecture without an exporter is refused", () => {
		const other = { ...large, architecture: "other" } as never;
		expect(() => checkExport(other, "int8")).toThrowError(expect.objectContaining({ reason: "NOT_IMPLEMENTED" }));
	});

	it("asks for each weight once, and only when its turn comes", () => {
		const config = { ...SYNTHETIC_CONFIGS["bert-22m"], hiddenSize: 32, heads: 4, layers: 1, intermediateSize: 64, vocabSize: 50 };
		for (const dtype of ["fp32", "int8"] as const) {
			const asked: string[] = [];
			const sizes = new Map([
				["embeddings.word_embeddings.weight", 50 * 32],
				["embeddings.position_embeddings.weight", 512 * 32],
			]);
			const sizeOf = (name: string) => {
				if (sizes.has(name)) return sizes.get(name)!;
				if (name.includes("token_type")) return 2 * 32;
				if (/intermediate|layer\.0\.output\.dense\.weight/.test(name)) return name.endsWith("weight") ? 64 * 32 : 64;
				return name.endsWith("weight") && !name.includes("LayerNorm") ? 32 * 32 : 32;
			};
			const float32 = (name: string) => {
				asked.push(name);
				return spread(sizeOf(name));
			};
			const pieces = exportOnnx(config, dtype, { float32 })[Symbol.iterator]();
			pieces.next();
			expect(asked).toEqual([]);
			while (!pieces.next().done);
			expect(new Set(asked).size).toBe(asked.length);
			expect(asked).toHaveLength(5 + 16);
		}
	});
});
