import { expect, it } from "vitest";
import { parseExact, writeExact } from "./exact-json.js";

it("numbers are written as they were read", () => {
	const text = '{"a":2.0,"b":[1e-05,-0.50,3],"c":"1.0 is \\"2.0\\"","d":{"e":true,"f":null}}';
	expect(writeExact(parseExact(text), 0)).toBe(text);
});

it("what is no JSON is none", () => {
	expect(() => parseExact('{"a": 1.}')).toThrow(SyntaxError);
});
