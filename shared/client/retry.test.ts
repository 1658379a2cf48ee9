import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { DakApiError, DakClient, type Retry } from "./index.js";

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server that answers by `handler`, told how many requests came before; and a client of it that waits little. */
async function serve(handler: Handler, options: { retries?: number; maxMs?: number; timeoutMs?: number } = {}) {
	const seen: IncomingMessage[] = [];
	const server = createServer((request, response) => {
		seen.push(request);
		request.resume().on("end", () => handler(request, response, seen.length - 1));
	});
	await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
	onTestFinished(() => void server.close().closeAllConnections());
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const waits: Retry[] = [];
	const { timeoutMs, ...retry } = options;
	const client = new DakClient({
		trainUrl: url,
		embedUrl: url,
		timeoutMs,
		retry: { baseMs: 1, ...retry, onRetry: (wait) => waits.push(wait) },
	});
	return { client, seen, waits };
}

const problem = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}) =>
	response.writeHead(status, { "content-type": "application/problem+json", ...headers }).end(JSON.stringify(body));

const failure = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error as DakApiError);

test("a refusal for now is tried again after Retry-After, and the job is submitted under one key", async () => {
	const { client, seen, waits } = await serve((_, response, count) => {
		if (count < 2) problem(response, 429, { reason: "OVERLOADED", detail: "found 8 waiting jobs" }, { "retry-after": "1" });
		else response.writeHead(202).end(JSON.stringify({ id: "job_1" }));
	});
	expect(await client.jobs.create({ base_model: "m", dataset: { texts: ["a"] } })).toEqual({ id: "job_1" });
	const keys = seen.map(({ headers }) => headers["idempotency-key"]);
	expect(keys).toHaveLength(3);
	expect(new Set(keys).size).toBe(1);
	for (const { delayMs, error } of waits) {
		expect(delayMs).toBeGreaterThanOrEqual(1000);
		expect(error).toMatchObject({ reason: "OVERLOADED", status: 429, retryAfterMs: 1000 });
	}
});

test("a wait that is longer than allowed ends the call with the refusal", async () => {
	const { client, seen } = await serve((_, response) => problem(response, 503, { reason: "DRAINING" }, { "retry-after": "60" }), {
		maxMs: 5000,
	});
	expect(await failure(client.jobs.get("job_1"))).toMatchObject({ reason: "DRAINING", status: 503, retryAfterMs: 60_000 });
	expect(seen).toHaveLength(1);
});

test("tries are counted, and the last error is thrown", async () => {
	const { client, seen } = await serve((_, response) => response.writeHead(502).end("<html>bad gateway</html>"), { retries: 2 });
	expect(await failure(client.jobs.get("job_1"))).toMatchObject({
		reason: "HTTP_ERROR",
		status: 502,
		detail: "GET /v1/jobs/job_1 answered 502: <html>bad gateway</html>",
	});
	expect(seen).toHaveLength(3);
});

test("what may have been carried out is repeated only where that changes nothing", async () => {
	const { client, seen } = await serve((request) => request.socket.destroy(), { retries: 2 });
	expect(await failure(client.jobs.cancel("job_1"))).toMatchObject({ reason: "UNREACHABLE", status: 0 });
	expect(seen).toHaveLength(1);
	expect(await failure(client.embed(["a"]))).toMatchObject({ reason: "UNREACHABLE" });
	expect(seen).toHaveLength(4);
});

test("a mistake of the caller is not repeated, and says which field", async () => {
	const { client, seen } = await serve((_, response) =>
		problem(response, 422, {
			type: "/problems/invalid-request",
			title: "Invalid request",
			reason: "INVALID_REQUEST",
			detail: "/lora/r: found 0",
			errors: [{ pointer: "/lora/r", detail: "found 0" }],
		}),
	);
	const error = await failure(client.jobs.create({ base_model: "m", dataset: { upload: "x" }, lora: { r: 0 } }));
	expect(error).toBeInstanceOf(DakApiError);
	expect(error).toMatchObject({ type: "/problems/invalid-request", title: "Invalid request", errors: [{ pointer: "/lora/r" }] });
	expect(seen).toHaveLength(1);
});

test.each([
	[404, { error: "no adapter x", error_type: "NotFound" }, "ADAPTER_NOT_FOUND", "no adapter x"],
	[429, { error: "queue full", error_type: "Overloaded" }, "OVERLOADED", "queue full"],
	[404, { error: { message: "no model", code: "model_not_found" } }, "ADAPTER_NOT_FOUND", "no model"],
	[413, { error: { message: "too many", code: "payload_too_large" } }, "PAYLOAD_TOO_LARGE", "too many"],
])("errors of the shapes that other APIs have are read too: %j %j", async (status, body, reason, detail) => {
	const { client } = await serve((_, response) => problem(response, status, body), { retries: 0 });
	expect(await failure(client.similarity("a", ["b"]))).toMatchObject({ status, reason, detail });
});

test("a signal ends a wait at once, with its own reason", async () => {
	const { client, waits } = await serve((_, response) => problem(response, 429, {}, { "retry-after": "30" }));
	const stop = new AbortController();
	const call = failure(client.jobs.get("job_1", { signal: stop.signal }));
	while (waits.length === 0) await new Promise((wake) => setTimeout(wake, 5));
	const why = new Error("enough");
	stop.abort(why);
	expect(await call).toBe(why);
});

test("an answer that does not come in time counts as none", async () => {
	const { client } = await serve(() => {}, { timeoutMs: 50, retries: 0 });
	expect(await failure(client.jobs.get("job_1"))).toMatchObject({
		reason: "UNREACHABLE",
		detail: expect.stringContaining("no answer within 0.05 s"),
	});
});

test("an address where nobody listens is named", async () => {
	const server = createServer().listen(0, "127.0.0.1");
	await new Promise((ready) => server.once("listening", ready));
	const { port } = server.address() as AddressInfo;
	await new Promise((closed) => server.close(closed));
	const client = new DakClient({ trainUrl: `http://127.0.0.1:${port}`, retry: { retries: 0 } });
	expect(await failure(client.jobs.get("job_1"))).toMatchObject({
		detail: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/),
	});
	expect(() => new DakClient({ trainUrl: "localhost:8080" })).toThrow('trainUrl: found "localhost:8080", allowed: http://host:port');
});
