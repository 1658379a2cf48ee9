import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planTiles } from "./index.js";

const texts = fc
	.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: -1, max: 4 })), { minLength: 1, maxLength: 40 })
	.filter((all) => all.some(([, adapter]) => adapter >= 0));

describe("planTiles", () => {
	it("puts each row into one tile of its own adapter, and base rows on a zero place", () => {
		fc.assert(
			fc.property(texts, (all) => {
				const lengths = all.map(([length]) => length);
				const plan = planTiles(
					lengths,
					all.map(([, adapter]) => adapter),
				);
				const tokens = lengths.reduce((sum, n) => sum + n, 0);
				const owners = all.flatMap(([length, adapter]) => Array.from({ length }, () => adapter));
				expect(plan.index).toHaveLength(plan.adapters.length * plan.rowsPerTile);
				owners.forEach((owner, row) => {
					const place = Number(plan.pack[row]);
					if (owner < 0) expect(plan.index[place]).toBe(BigInt(tokens));
					else {
						expect(plan.index[place]).toBe(BigInt(row));
						expect(plan.adapters[Math.floor(place / plan.rowsPerTile)]).toBe(owner);
					}
				});
				const filled = [...plan.index].filter((row) => row !== BigInt(tokens));
				expect(new Set(filled).size).toBe(filled.length);
			}),
		);
	});

	it("spends no tile of the largest adapter's size on a small one", () => {
		const { adapters, rowsPerTile } = planTiles([512, 8, 8, 8], [0, 1, 2, 3]);
		expect(adapters.length * rowsPerTile).toBeLessThan(700);
	});
});
