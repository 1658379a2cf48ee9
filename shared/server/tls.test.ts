/** TLS, client certificates, keys and limits: one table, both protocols. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { pino } from "pino";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Health } from "../gen/grpc/health/v1/health_pb.js";
import { ApiKeys, addHealth, addReflection, createGrpcClient, HealthStatus, TlsFiles } from "./index.js";
import { Authority, type Pair, type PemPair } from "./testing/certificates.js";
import { logger, startGrpc, startRest } from "./testing/servers.js";

interface Client extends Partial<PemPair> {
	readonly ca?: Buffer | undefined;
	readonly apiKey?: string | undefined;
}

interface Server {
	readonly tls?: TlsFiles | undefined;
	readonly keys?: string;
	readonly open?: string[];
}

interface Started {
	/** "answers", or why not. */
	ask(client: Client): Promise<string>;
}

/** /readyz over HTTPS; node:https because fetch takes no client certificate. */
function askRest(url: string, { ca, cert, key, apiKey }: Client): Promise<string> {
	return new Promise((resolve) => {
		const headers = apiKey === undefined ? {} : { "x-api-key": apiKey };
		const asked = request(`${url}/readyz`, { ca, cert, key, headers, agent: false }, (response) => {
			response.resume();
			resolve(response.statusCode === 200 ? "answers" : String(response.statusCode));
		});
		asked.on("error", () => resolve("no connection"));
		asked.end();
	});
}

async function startBoth({ tls, keys: text, open }: Server): Promise<Record<"REST" | "gRPC", Started>> {
	const keys = ApiKeys.parse(text);
	const rest = await startRest({ routes: [], keys, ...(open && { open }) }, { tls });
	const health = new HealthStatus([]);
	health.setServing(true);
	const grpc = await startGrpc((server, options) => addHealth(server, health, { ...options, ...(open && { open }) }), keys, { tls });
	return {
		REST: { ask: (client) => askRest(rest.url.replace("http:", "https:"), client) },
		gRPC: { ask: (client) => askGrpc(grpc.address, client) },
	};
}

const STATUSES: Record<string, string> = { UNAUTHENTICATED: "401", PERMISSION_DENIED: "403" };

async function askGrpc(address: string, { ca, cert, key, apiKey }: Client): Promise<string> {
	const client = createGrpcClient(Health, address, { apiKey, credentials: credentials.createSsl(ca ?? null, key ?? null, cert ?? null) });
	try {
		await client.check({ service: "" }, { timeoutMs: 5000 });
		return "answers";
	} catch (error) {
		return STATUSES[(error as { reason: string }).reason] ?? "no connection";
	} finally {
		client.close();
	}
}

function filesOf({ certificate, key }: Pair, clientAuthority?: string): TlsFiles {
	const tls = new TlsFiles({ certificate, key, clientAuthority }, logger, 60_000);
	onTestFinished(() => tls.close());
	return tls;
}

/** What a case's server and client are made of. */
function cast() {
	const [ours, theirs] = [new Authority("ours"), new Authority("theirs")];
	return { ours, theirs, pair: ours.issue("server"), member: ours.issuePem("member"), stranger: theirs.issuePem("stranger") };
}

type Cast = ReturnType<typeof cast>;
const KEYS = "read:eyes,embed:vectors";

const CASES: readonly [string, (cast: Cast) => Server, (cast: Cast) => Client, string][] = [
	["a certificate of the client's authority", ({ pair }) => ({ tls: filesOf(pair) }), ({ ours }) => ({ ca: ours.pem }), "answers"],
	["a certificate of another authority", ({ pair }) => ({ tls: filesOf(pair) }), ({ theirs }) => ({ ca: theirs.pem }), "no connection"],
	["TLS asked of a server without it", () => ({}), ({ ours }) => ({ ca: ours.pem }), "no connection"],
	["mTLS and a client's certificate of the authority", mutual, ({ ours, member }) => ({ ca: ours.pem, ...member }), "answers"],
	["mTLS and none", mutual, ({ ours }) => ({ ca: ours.pem }), "no connection"],
	["mTLS and one of another authority", mutual, ({ ours, stranger }) => ({ ca: ours.pem, ...stranger }), "no connection"],
	["health open, and no key", keyed(["health"]), ({ ours }) => ({ ca: ours.pem }), "answers"],
	["health closed, and no key", keyed(["metrics"]), ({ ours }) => ({ ca: ours.pem }), "401"],
	["health closed, and a key to read", keyed(["none"]), ({ ours }) => ({ ca: ours.pem, apiKey: "eyes" }), "answers"],
	["health closed, and a key to embed", keyed(["none"]), ({ ours }) => ({ ca: ours.pem, apiKey: "vectors" }), "403"],
];

function mutual({ pair, ours }: Cast): Server {
	return { tls: filesOf(pair, ours.file) };
}

function keyed(open: string[]): (cast: Cast) => Server {
	return ({ pair }) => ({ tls: filesOf(pair), keys: KEYS, open });
}

describe.each(CASES)("%s", (_, server, client, expected) => {
	it(`${expected}, over both protocols`, async () => {
		const parts = cast();
		const { REST, gRPC } = await startBoth(server(parts));
		expect({ REST: await REST.ask(client(parts)), gRPC: await gRPC.ask(client(parts)) }).toEqual({ REST: expected, gRPC: expected });
	});
});

/** A pair in a place where it is replaced, as a renewal does. */
function place(pair: Pair): Pair & { put(pair: Pair): void } {
	const folder = mkdtempSync(join(tmpdir(), "dak-tls-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const here = { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };
	const put = (from: Pair) => {
		copyFileSync(from.certificate, here.certificate);
		copyFileSync(from.key, here.key);
	};
	put(pair);
	return { ...here, put };
}

describe("a renewed certificate", () => {
	it("is taken without a restart, over both protocols", async () => {
		const { ours, theirs, pair } = cast();
		const here = place(pair);
		const tls = filesOf(here);
		const { REST, gRPC } = await startBoth({ tls });
		const [before, after] = [{ ca: ours.pem }, { ca: theirs.pem }];
		expect([await REST.ask(after), await gRPC.ask(after)]).toEqual(["no connection", "no connection"]);
		here.put(theirs.issue("renewed"));
		tls.reload();
		expect([await REST.ask(after), await gRPC.ask(after)]).toEqual(["answers", "answers"]);
		expect([await REST.ask(before), await gRPC.ask(before)]).toEqual(["no connection", "no connection"]);
	});

	it("that does not fit its key is not taken, and the log holds no line of the key", async () => {
		const { ours, pair } = cast();
		const here = place(pair);
		const lines: string[] = [];
		const heard = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
		const tls = new TlsFiles(here, heard, 60_000);
		onTestFinished(() => tls.close());
		const { REST, gRPC } = await startBoth({ tls });
		copyFileSync(ours.issue("other").key, here.key);
		tls.reload();
		writeFileSync(here.key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IGluIGhhbGYgYSBrZXk=\n");
		tls.reload();
		expect(lines.filter((line) => line.includes("is not taken"))).toHaveLength(2);
		expect(lines.join("")).not.toMatch(/BEGIN|c2VjcmV0/);
		expect([await REST.ask({ ca: ours.pem }), await gRPC.ask({ ca: ours.pem })]).toEqual(["answers", "answers"]);
	});

	it("is seen by looking at the files", async () => {
		const { theirs, pair } = cast();
		const here = place(pair);
		const tls = new TlsFiles(here, logger, 20);
		onTestFinished(() => tls.close());
		const heard = vi.fn();
		tls.onChange(heard);
		here.put(theirs.issue("renewed"));
		await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 5000 });
	});

	it.each([["a certificate that is not there", { certificate: "/nonexistent/tls.crt", key: "/nonexistent/tls.key" }]])(
		"at the start, %s ends it with the file's name",
		(_, pair) => {
			expect(() => new TlsFiles(pair, logger)).toThrow(/DAK_TLS_CERT: \/nonexistent\/tls.crt cannot be read: ENOENT/);
		},
	);
});

it("plain text says nothing about TLS, TLS tells browsers to stay with it", async () => {
	const { pair, ours } = cast();
	const { url } = await startRest({ routes: [] }, { tls: filesOf(pair) });
	const header = await new Promise((resolve) => {
		request(`${url}/readyz`, { ca: ours.pem, agent: false }, (response) => {
			response.resume();
			resolve(response.headers["strict-transport-security"]);
		}).end();
	});
	expect(header).toBe("max-age=31536000");
	const plain = await startRest({ routes: [] });
	expect((await fetch(`${plain.url}/readyz`)).headers.has("strict-transport-security")).toBe(false);
});

describe("what DAK_OPEN leaves out", () => {
	it.each([
		["/metrics", "metrics"],
		["/docs", "docs"],
		["/openapi.json", "docs"],
		["/readyz", "health"],
		["/healthz", "health"],
	])("%s needs a key that reads unless %s is open", async (path, group) => {
		const keys = ApiKeys.parse(KEYS);
		const closed = await startRest({ routes: [], keys, open: ["health", "metrics", "docs"].filter((each) => each !== group) });
		expect((await fetch(closed.url + path)).status).toBe(401);
		expect((await fetch(closed.url + path, { headers: { authorization: "Bearer vectors" } })).status).toBe(403);
		expect((await fetch(closed.url + path, { headers: { authorization: "Bearer eyes" } })).status).toBe(200);
		const open = await startRest({ routes: [], keys, open: [group] });
		expect((await fetch(open.url + path)).status).toBe(200);
	});

	it("closes gRPC's reflection with the docs", async () => {
		const { ServerReflection } = await import("../gen/grpc/reflection/v1/reflection_pb.js");
		const { address } = await startGrpc(
			(server, options) => addReflection(server, [Health], { ...options, open: ["health"] }),
			ApiKeys.parse(KEYS),
		);
		const ask = async (apiKey?: string) => {
			const client = createGrpcClient(ServerReflection, address, { apiKey });
			onTestFinished(() => client.close());
			const requests = (async function* () {
				yield { messageRequest: { case: "listServices", value: "" } } as const;
			})();
			for await (const answer of client.serverReflectionInfo(requests)) return answer.messageResponse.case;
			return undefined;
		};
		await expect(ask()).rejects.toMatchObject({ reason: "UNAUTHENTICATED" });
		expect(await ask("eyes")).toBe("listServicesResponse");
	});
});

it("a gRPC server that was asked for TLS it does not speak still ends", async () => {
	const { ours } = cast();
	const { address, drain } = await startGrpc((server, options) => addHealth(server, new HealthStatus([]), options));
	expect(await askGrpc(address, { ca: ours.pem })).toBe("no connection");
	await drain(100);
});

describe("limits", () => {
	it("a head over DAK_MAX_HEADER_BYTES is refused with 431", async () => {
		const { url } = await startRest({ routes: [] }, { maxHeaderBytes: 2048 });
		expect((await fetch(`${url}/healthz`, { headers: { "x-filler": "a".repeat(1000) } })).status).toBe(200);
		expect((await fetch(`${url}/healthz`, { headers: { "x-filler": "a".repeat(4000) } })).status).toBe(431);
	});

	it("calls beyond DAK_MAX_STREAMS of a connection wait for one to end", async () => {
		const health = new HealthStatus([]);
		health.setServing(true);
		const { address } = await startGrpc((server, options) => addHealth(server, health, options), undefined, { maxStreams: 2 });
		const client = createGrpcClient(Health, address);
		onTestFinished(() => client.close());
		const stop = new AbortController();
		const watchers = [0, 1].map(() => client.watch({ service: "" }, { signal: stop.signal })[Symbol.asyncIterator]());
		for (const watcher of watchers) await watcher.next();
		await expect(client.check({ service: "" }, { timeoutMs: 300 })).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
		stop.abort();
		for (const watcher of watchers) await watcher.next().catch(() => {});
		await expect(client.check({ service: "" }, { timeoutMs: 10_000 })).resolves.toMatchObject({ status: 1 });
	});
});
