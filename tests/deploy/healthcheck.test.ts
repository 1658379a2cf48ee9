/** What a container asks itself, in plain text, under TLS and under mTLS. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { ApiKeys, TlsFiles } from "../../shared/server/index.js";
import { Authority } from "../../shared/server/testing/certificates.js";
import { logger, startRest } from "../../shared/server/testing/servers.js";

const PROGRAM = join(import.meta.dirname, "../../deploy/healthcheck.mjs");

async function check(port: number, environment: Record<string, string> = {}): Promise<"healthy" | "not"> {
	const env = { PATH: process.env.PATH!, DAK_TRAIN_PORT: String(port), ...environment };
	return promisify(execFile)(process.execPath, [PROGRAM, "DAK_TRAIN_PORT", "1", "/readyz"], { env }).then(
		() => "healthy" as const,
		() => "not" as const,
	);
}

describe("the health check", () => {
	it("sees a service that is ready, one that is not, and none", async () => {
		const ready = await startRest({ routes: [] });
		expect(await check(ready.port)).toBe("healthy");
		expect(await check((await startRest({ routes: [], notReady: () => "starting" })).port)).toBe("not");
		await ready.drain(0);
		expect(await check(ready.port)).toBe("not");
	});

	it("needs no key", async () => {
		const { port } = await startRest({ routes: [], keys: ApiKeys.parse("read:key"), open: ["none"] });
		expect(await check(port)).toBe("healthy");
	});

	it.each(["TLS", "mTLS"])("passes under %s, also where clients' certificates are of another authority", async (kind) => {
		const { certificate, key } = new Authority("ours").issue("server");
		const clientAuthority = kind === "mTLS" ? new Authority("clients").file : undefined;
		const tls = new TlsFiles({ certificate, key, clientAuthority }, logger, 60_000);
		onTestFinished(() => tls.close());
		const { port } = await startRest({ routes: [] }, { tls });
		const environment = {
			DAK_TLS_CERT: certificate,
			DAK_TLS_KEY: key,
			...(clientAuthority !== undefined && { DAK_TLS_CLIENT_CA: clientAuthority }),
		};
		expect(await check(port, environment)).toBe("healthy");
		expect(await check(port)).toBe("not");
	});
});
