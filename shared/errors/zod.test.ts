import { expect, test } from "vitest";
import { z } from "zod";
import { parseOrThrow, pointerOf } from "./index.js";

const schema = z.strictObject({
	size: z.int().min(1).optional(),
	from: z
		.union(
			[z.strictObject({ texts: z.array(z.string()).min(1) }), z.strictObject({ path: z.string() })],
			"allowed: exactly one of texts, path",
		)
		.optional(),
});

function fieldsOf(value: unknown) {
	try {
		parseOrThrow(schema, value);
	} catch (error) {
		return (error as { fields: { pointer: string; detail: string }[] }).fields.map(({ pointer, detail }) => `${pointer} ${detail}`);
	}
	return [];
}

test("a good value is handed on", () => {
	expect(parseOrThrow(schema, { size: 2, from: { path: "a" } })).toEqual({ size: 2, from: { path: "a" } });
});

test("every bad field is named with what was found and what is allowed", () => {
	expect(fieldsOf({ size: 0, sise: 1 })).toEqual([expect.stringMatching(/^\/size .*>=1; found 0$/), "/sise unknown field"]);
});

test("a union's faults are told for the alternative that was meant", () => {
	expect(fieldsOf({ from: { texts: ["a", 7] } })).toEqual([expect.stringMatching(/^\/from\/texts\/1 .*string.*found 7$/)]);
	expect(fieldsOf({ from: { path: 3 } })).toEqual([expect.stringMatching(/^\/from\/path .*found 3$/)]);
});

test.each([[{}], [{ texts: ["a"], path: "b" }], [{ other: 1 }], ["a"]])("a union is told as a whole where none was meant: %j", (from) => {
	expect(fieldsOf({ from })).toEqual([expect.stringMatching(/^\/from allowed: exactly one of texts, path; found/)]);
});

test("a long value is cut in the message", () => {
	expect(fieldsOf({ size: "x".repeat(500) })[0]!.length).toBeLessThan(200);
});

test("a pointer escapes what RFC 6901 escapes", () => {
	expect(pointerOf(["a/b", "c~d", 0])).toBe("/a~1b/c~0d/0");
});
