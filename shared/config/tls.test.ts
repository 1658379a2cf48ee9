import { expect, it } from "vitest";
import { loadConfig, maskedConfig } from "./index.js";

it.each([
	{ DAK_TLS_CERT: "/tls.crt" },
	{ DAK_TLS_KEY: "/tls.key" },
	{ DAK_TLS_CLIENT_CA: "/ca.pem" },
	{ DAK_TLS_CERT: "/tls.crt", DAK_TLS_CLIENT_CA: "/ca.pem" },
])("half of a TLS configuration (%o) is refused, not served as plain text", (env) => {
	expect(() => loadConfig(env)).toThrow(/DAK_TLS_(CERT|KEY): .*go together/);
});

it("what needs no key is a list of what there is", () => {
	expect(loadConfig({}).DAK_OPEN).toEqual(["health", "metrics", "docs"]);
	expect(loadConfig({ DAK_OPEN: "health, docs" }).DAK_OPEN).toEqual(["health", "docs"]);
	expect(loadConfig({ DAK_OPEN: "none" }).DAK_OPEN).toEqual(["none"]);
	expect(() => loadConfig({ DAK_OPEN: "health,jobs" })).toThrow(/DAK_OPEN/);
});

it("a secret is told neither where it is right nor where it is wrong", () => {
	expect(() => loadConfig({ DAK_REDIS_URL: "redis:password@host" })).not.toThrow(/password/);
	expect(() => loadConfig({ DAK_REDIS_URL: "no url: password" })).toThrow(/DAK_REDIS_URL/);
	expect(() => loadConfig({ DAK_REDIS_URL: "no url: password" })).not.toThrow(/password/);
	const config = loadConfig({ DAK_API_KEYS: "submit:password", HF_TOKEN: "password" });
	expect(JSON.stringify(maskedConfig(config))).not.toContain("password");
});
