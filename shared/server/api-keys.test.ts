import { describe, expect, it } from "vitest";
import { DakError } from "../errors/index.js";
import { ApiKeys, type PresentedKey, type Scope } from "./index.js";

function verdict(keys: ApiKeys, presented: PresentedKey, scope: Scope): string {
	try {
		keys.authorize(presented, scope);
		return "passes";
	} catch (error) {
		return (error as DakError).reason;
	}
}

describe("API keys", () => {
	const keys = ApiKeys.parse("submit:one, embed+submit:two ,admin:three:with:colons,embed:vectors,read:eyes");

	it.each<[string, PresentedKey, Scope, string]>([
		["no key", {}, "embed", "UNAUTHENTICATED"],
		["an empty key", { apiKey: "" }, "embed", "UNAUTHENTICATED"],
		["an unknown key", { apiKey: "four" }, "embed", "UNAUTHENTICATED"],
		["the start of a key", { apiKey: "on" }, "submit", "UNAUTHENTICATED"],
		["another scheme", { authorization: "Basic one" }, "submit", "UNAUTHENTICATED"],
		["a key of another scope", { apiKey: "one" }, "embed", "PERMISSION_DENIED"],
		["a key of the scope", { authorization: "Bearer one" }, "submit", "passes"],
		["a scheme in lower case", { authorization: "bearer one" }, "submit", "passes"],
		["one of several scopes", { apiKey: "two" }, "submit", "passes"],
		["admin, for any scope", { apiKey: "three:with:colons" }, "embed", "passes"],
		["submit, to read", { apiKey: "one" }, "read", "passes"],
		["admin, to read", { apiKey: "three:with:colons" }, "read", "passes"],
		["embed, to read", { apiKey: "vectors" }, "read", "PERMISSION_DENIED"],
		["read, to submit", { apiKey: "eyes" }, "submit", "PERMISSION_DENIED"],
		["a scope that is not admin's", { apiKey: "two" }, "admin", "PERMISSION_DENIED"],
	])("%s", (_, presented, scope, expected) => {
		expect(verdict(keys, presented, scope)).toBe(expected);
	});

	it.each([undefined, "", " , "])("that are not configured (%o) open everything", (text) => {
		const open = ApiKeys.parse(text);
		expect(open.enabled).toBe(false);
		expect(verdict(open, {}, "admin")).toBe("passes");
	});

	it.each(["secret", "root:secret", "embed+root:secret", "embed:", ":secret"])("refuse %o without repeating it", (text) => {
		const parsing = () => ApiKeys.parse(`embed:fine,${text}`);
		expect(parsing).toThrow(DakError);
		expect(parsing).toThrow(/entry 2/);
		expect(parsing).not.toThrow(/secret/);
	});
});
