import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { seededParameter } from "./params.js";

interface Sample {
	readonly name: string;
	readonly count: number;
	readonly scale: number;
	readonly at: readonly number[];
	readonly values: readonly number[];
}

const file = new URL("../../../tests/fixtures/golden/params.json", import.meta.url);
const { samples } = JSON.parse(readFileSync(file, "utf8")) as { samples: Sample[] };

describe("seededParameter", () => {
	it.each(samples)("gives the bits of params.py for $name", ({ name, count, scale, at, values }) => {
		const found = seededParameter(name, count, scale);
		expect(found).toHaveLength(count);
		expect(at.map((i) => found[i])).toStrictEqual(values);
	});
});
