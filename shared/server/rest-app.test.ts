import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { DakError } from "../errors/index.js";
import { ApiKeys, drainAll, type Route, route } from "./index.js";
import { startRest } from "./testing/servers.js";

const echo = route({
	method: "post",
	path: "/v1/echo/{name}",
	operationId: "echo",
	summary: "Says it back",
	params: z.object({ name: z.string() }),
	query: z.strictObject({ times: z.coerce.number().int().max(9).default(1) }),
	body: z.strictObject({ text: z.string() }),
	response: { status: 201, description: "What was said", schema: z.object({ said: z.string() }) },
}).handle(({ params, query, body }) => ({
	body: { said: `${params.name}: ${body.text.repeat(query.times)}` },
	headers: { location: "/x" },
}));

const cancel = route({
	method: "post",
	path: "/v1/jobs/{id}:cancel",
	operationId: "cancel",
	summary: "Cancels",
	params: z.object({ id: z.string() }),
	response: { status: 200, description: "Done", schema: z.string() },
}).handle(({ params }) => ({ body: params.id }));

function failing(error: unknown, errorShape: Route["errorShape"] = "problem"): Route {
	return route({
		method: "get",
		path: "/fail",
		operationId: "fail",
		summary: "Fails",
		errorShape,
		response: { status: 200, description: "Never" },
	}).handle(() => {
		throw error;
	});
}

function post(
	url: string,
	body: string | Uint8Array<ArrayBuffer>,
	headers: Record<string, string> = { "content-type": "application/json" },
): Promise<Response> {
	return fetch(url, { method: "POST", body, headers });
}

describe("a declared route", () => {
	it("gives its handler validated parts and answers with its status and headers", async () => {
		const { url } = await startRest({ routes: [echo] });
		const response = await post(`${url}/v1/echo/ann%20b?times=2`, JSON.stringify({ text: "hi" }));
		expect(response.status).toBe(201);
		expect(response.headers.get("location")).toBe("/x");
		expect(await response.json()).toEqual({ said: "ann b: hihi" });
	});

	it("matches a verb after a colon, and nothing that has another verb", async () => {
		const { url } = await startRest({ routes: [cancel] });
		expect(await (await fetch(`${url}/v1/jobs/7:cancel`, { method: "POST" })).json()).toBe("7");
		expect((await fetch(`${url}/v1/jobs/7:frob`, { method: "POST" })).status).toBe(404);
	});

	it("hands on the rest of a path, slashes included", async () => {
		const files = route({
			method: "get",
			path: "/files/{+path}",
			operationId: "files",
			summary: "A file",
			params: z.object({ path: z.string() }),
			response: { status: 200, description: "It", schema: z.string() },
		}).handle(({ params }) => ({ body: params.path }));
		const { url } = await startRest({ routes: [files] });
		expect(await (await fetch(`${url}/files/a/b%2Fc.txt`)).json()).toBe("a/b/c.txt");
	});

	it.each([
		["unknown field", { text: "a", more: 1 }, "/more"],
		["wrong type", { text: 7 }, "/text"],
		["missing field", {}, "/text"],
	])("refuses a body with an %s by its pointer", async (_, body, pointer) => {
		const { url } = await startRest({ routes: [echo] });
		const response = await post(`${url}/v1/echo/a`, JSON.stringify(body));
		expect(response.status).toBe(422);
		expect(await response.json()).toMatchObject({ reason: "INVALID_REQUEST", errors: [{ pointer }] });
	});

	it("refuses an unknown query parameter", async () => {
		const { url } = await startRest({ routes: [echo] });
		const response = await post(`${url}/v1/echo/a?tmies=2`, JSON.stringify({ text: "a" }));
		expect(await response.json()).toMatchObject({ reason: "INVALID_REQUEST", errors: [{ pointer: "/tmies" }] });
	});
});

describe("a body", () => {
	const cases: [string, string | Uint8Array<ArrayBuffer>, Record<string, string>, number, string][] = [
		["malformed JSON", '{"text": ', { "content-type": "application/json" }, 400, "MALFORMED_BODY"],
		["invalid UTF-8", new Uint8Array([0x7b, 0xff, 0xfe]), { "content-type": "application/json" }, 400, "MALFORMED_BODY"],
		["another media type", "text=a", { "content-type": "application/x-www-form-urlencoded" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
		["another charset", "{}", { "content-type": "application/json; charset=latin1" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
		["an unknown encoding", "{}", { "content-type": "application/json", "content-encoding": "zip" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
		["what is not gzip", "{}", { "content-type": "application/json", "content-encoding": "gzip" }, 400, "MALFORMED_BODY"],
		["a body over the limit", `{"text":"${"a".repeat(2000)}"}`, { "content-type": "application/json" }, 413, "PAYLOAD_TOO_LARGE"],
		[
			"what inflates over the limit",
			gzipSync(`{"text":"${"a".repeat(100_000)}"}`),
			{ "content-type": "application/json", "content-encoding": "gzip" },
			413,
			"PAYLOAD_TOO_LARGE",
		],
		["nothing", "", { "content-type": "application/json" }, 422, "INVALID_REQUEST"],
	];
	it.each(cases)("that is %s is refused", async (_, body, headers, status, reason) => {
		const { url } = await startRest({ routes: [echo] });
		const response = await post(`${url}/v1/echo/a`, body, headers);
		expect(response.status).toBe(status);
		expect(response.headers.get("content-type")).toBe("application/problem+json");
		expect(await response.json()).toMatchObject({ reason, status });
	});

	it("over the limit is told the limit", async () => {
		const { url } = await startRest({ routes: [echo] });
		const response = await post(`${url}/v1/echo/a`, "x".repeat(2000));
		expect(await response.json()).toMatchObject({ details: { limit_bytes: 1024 } });
	});

	it("compressed with gzip is read", async () => {
		const { url } = await startRest({ routes: [echo] });
		const headers = { "content-type": "application/json; charset=UTF-8", "content-encoding": "gzip" };
		expect((await post(`${url}/v1/echo/a`, gzipSync('{"text":"é"}'), headers)).status).toBe(201);
	});
});

describe("an error", () => {
	const full = new DakError("OVERLOADED", "9 waiting; allowed: 8", {
		retryAfterMs: 1500,
		fields: [{ pointer: "/input/0", detail: "bad" }],
	});

	it("is an RFC 9457 problem with every member", async () => {
		const { url } = await startRest({ routes: [failing(full)] });
		const response = await fetch(`${url}/fail`, { headers: { "x-request-id": "abc-1" } });
		expect(response.headers.get("retry-after")).toBe("2");
		expect(await response.json()).toEqual({
			type: "/problems/overloaded",
			title: "Overloaded",
			status: 429,
			detail: "9 waiting; allowed: 8",
			instance: "/fail",
			reason: "OVERLOADED",
			errors: [{ pointer: "/input/0", detail: "bad" }],
			request_id: "abc-1",
		});
	});

	it("has Text Embeddings Inference's shape on its routes", async () => {
		const { url } = await startRest({ routes: [failing(full, "tei")] });
		const response = await fetch(`${url}/fail`);
		expect(response.headers.get("content-type")).toContain("application/json");
		expect(await response.json()).toEqual({ error: "9 waiting; allowed: 8", error_type: "Overloaded" });
	});

	it("has OpenAI's shape on its routes", async () => {
		const { url } = await startRest({ routes: [failing(full, "openai")] });
		expect(await (await fetch(`${url}/fail`)).json()).toEqual({
			error: { message: "9 waiting; allowed: 8", type: "rate_limit_error", code: "overloaded", param: "input.0" },
		});
	});

	it("that nobody foresaw keeps its text to itself", async () => {
		const { url } = await startRest({ routes: [failing(new Error("password is hunter2"))] });
		const response = await fetch(`${url}/fail`);
		expect(response.status).toBe(500);
		const body = await response.text();
		expect(body).not.toContain("hunter2");
		expect(JSON.parse(body)).toMatchObject({ reason: "INTERNAL" });
	});

	it("after the answer has begun breaks the connection off instead of finishing a lie", async () => {
		const broken = route({
			method: "get",
			path: "/broken",
			operationId: "broken",
			summary: "Breaks",
			response: { status: 200, description: "Never", contentType: "text/plain" },
		}).handle(({ res }) => {
			res.write("half");
			throw new Error("disk gone");
		});
		const { url } = await startRest({ routes: [broken] });
		await expect(fetch(`${url}/broken`).then((response) => response.text())).rejects.toThrow();
	});

	it("is not said of a client that leaves in the middle of an answer", async () => {
		const endless = route({
			method: "get",
			path: "/endless",
			operationId: "endless",
			summary: "Goes on",
			response: { status: 200, description: "Never whole", contentType: "text/plain" },
		}).handle(({ res }) =>
			pipeline(
				new Readable({
					read() {
						this.push("more");
					},
				}),
				res,
			),
		);
		const lines: string[] = [];
		const { url } = await startRest({ routes: [endless], logger: pino({ level: "debug" }, { write: (line) => lines.push(line) }) });
		const response = await fetch(`${url}/endless`);
		await response.body!.cancel();
		await expect.poll(() => lines.join("")).toContain("the client went away");
		expect(lines.join("")).not.toContain('"failed"');
	});
});

describe("an app", () => {
	it("answers 404 and 405 as problems, with the allowed methods", async () => {
		const { url } = await startRest({ routes: [echo] });
		expect(await (await fetch(`${url}/nope`)).json()).toMatchObject({ reason: "ROUTE_NOT_FOUND", status: 404 });
		const wrong = await fetch(`${url}/v1/echo/a`, { method: "DELETE" });
		expect(wrong.headers.get("allow")).toBe("POST");
		expect(await wrong.json()).toMatchObject({ reason: "METHOD_NOT_ALLOWED", status: 405 });
	});

	it("refuses a path that is not valid percent-encoding", async () => {
		const { url } = await startRest({ routes: [echo] });
		const response = await post(`${url}/v1/echo/%E0%A4%A`, "{}");
		expect(await response.json()).toMatchObject({ reason: "INVALID_REQUEST" });
	});

	it("sends security headers, no sign of express, and a request id that is harmless", async () => {
		const { url } = await startRest({ routes: [] });
		const { headers } = await fetch(`${url}/healthz`, { headers: { "x-request-id": "<script>" } });
		expect(headers.get("x-powered-by")).toBeNull();
		expect(headers.get("x-content-type-options")).toBe("nosniff");
		expect(headers.get("content-security-policy")).toContain("default-src 'none'");
		expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
	});

	it("asks for keys on scoped routes only", async () => {
		const scoped = { ...failing(new DakError("JOB_NOT_FOUND", "none")), scope: "submit" } as const;
		const { url } = await startRest({ routes: [scoped], keys: ApiKeys.parse("submit:s,embed:e,admin:a") });
		const status = async (headers: Record<string, string>) => (await fetch(`${url}/fail`, { headers })).status;
		expect(await status({})).toBe(401);
		expect(await status({ authorization: "Bearer wrong" })).toBe(401);
		expect(await status({ authorization: "Bearer e" })).toBe(403);
		expect(await status({ authorization: "Bearer s" })).toBe(404);
		expect(await status({ "x-api-key": "a" })).toBe(404);
		expect((await fetch(`${url}/metrics`)).status).toBe(200);
		expect((await fetch(`${url}/fail`)).headers.get("www-authenticate")).toBe("Bearer");
	});

	it("labels metrics by route pattern, whatever is asked for", async () => {
		const { url } = await startRest({ routes: [cancel] });
		for (const id of ["1", "2", "3"]) await fetch(`${url}/v1/jobs/${id}:cancel`, { method: "POST" });
		await fetch(`${url}/random/${Math.random()}`);
		const text = await (await fetch(`${url}/metrics`)).text();
		expect(text).toContain('dak_http_request_seconds_count{method="POST",route="/v1/jobs/{id}:cancel",status="200"} 3');
		expect(text).toContain('dak_http_request_seconds_count{method="GET",route="unmatched",status="404"} 1');
		expect(text).not.toContain("random");
	});

	it("says ready only once it is", async () => {
		let why: string | undefined = "loading the base";
		const { url } = await startRest({ routes: [], notReady: () => why });
		const before = await fetch(`${url}/readyz`);
		expect(before.status).toBe(503);
		expect(await before.json()).toEqual({ status: "not_ready", detail: "loading the base" });
		why = undefined;
		expect((await fetch(`${url}/readyz`)).status).toBe(200);
	});

	it("tells a handler that its client went away", async () => {
		let gone: () => void = () => {};
		const aborted = new Promise<void>((resolve) => {
			gone = resolve;
		});
		const slow = route({
			method: "get",
			path: "/slow",
			operationId: "slow",
			summary: "Slow",
			response: { status: 200, description: "Late" },
		}).handle(async ({ signal, res }) => {
			res.write(" ");
			signal.addEventListener("abort", gone);
			await aborted;
		});
		const { url } = await startRest({ routes: [slow] });
		const abort = new AbortController();
		await fetch(`${url}/slow`, { signal: abort.signal });
		abort.abort();
		await aborted;
	});
});

describe("draining", () => {
	it("finishes what runs and takes nothing new", async () => {
		const draining = new AbortController();
		let finish: () => void = () => {};
		let begun: () => void = () => {};
		const running = new Promise<void>((resolve) => {
			begun = resolve;
		});
		const slow = route({
			method: "get",
			path: "/slow",
			operationId: "slow",
			summary: "Slow",
			response: { status: 200, description: "Late", schema: z.string() },
		}).handle(async () => {
			begun();
			await new Promise<void>((resolve) => {
				finish = resolve;
			});
			return { body: "done" };
		});
		const server = await startRest({ routes: [slow], draining: draining.signal });
		const answer = fetch(`${server.url}/slow`);
		await running;
		const drained = drainAll([server], draining, 5000);
		await expect(fetch(`${server.url}/slow`)).rejects.toThrow();
		finish();
		expect(await (await answer).json()).toBe("done");
		await drained;
	});

	it("breaks off what is still running at the deadline", async () => {
		const hang = route({
			method: "get",
			path: "/hang",
			operationId: "hang",
			summary: "Hangs",
			response: { status: 200, description: "Never" },
		}).handle(({ res }) => {
			res.write("...");
		});
		const server = await startRest({ routes: [hang] });
		const response = await fetch(`${server.url}/hang`);
		await server.drain(50);
		await expect(response.text()).rejects.toThrow();
	});
});
