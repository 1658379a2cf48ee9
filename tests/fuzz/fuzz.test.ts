/** A short run with a fixed seed; scripts/fuzz.mjs runs as long as it is told to. */
import { describe, expect, test } from "vitest";
import { fuzzFiles } from "./fuzz-files.js";
import { fuzzGrpc } from "./fuzz-grpc.js";
import { FILE_TARGETS } from "./targets.js";

describe("mutated input ends in a result or a reason", () => {
	test.each(Object.keys(FILE_TARGETS))("%s", async (target) => {
		const { cases, taken, refused, faults } = await fuzzFiles(target, { seed: 20, cases: 150 });
		expect(faults).toEqual([]);
		expect(cases).toBe(150);
		// Mutations that are all refused at the door would test the door alone.
		expect(taken).toBeGreaterThan(0);
		expect(refused).toBeGreaterThan(0);
	});

	test("gRPC", async () => {
		const { faults, taken, refused } = await fuzzGrpc({ seed: 20, cases: 200 });
		expect(faults).toEqual([]);
		expect(taken).toBeGreaterThan(0);
		expect(refused).toBeGreaterThan(0);
	});
});
