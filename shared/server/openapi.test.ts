import { describe, expect, it } from "vitest";
import { z } from "zod";
import { docsPage } from "./docs-page.js";
import { openApiDocument, type Route, route } from "./index.js";
import { startRest } from "./testing/servers.js";

const thing = z.strictObject({ name: z.string(), size: z.number().default(3) }).meta({ id: "Thing", description: "A <b>thing</b>" });

const put: Route = route({
	method: "put",
	path: "/v1/things/{id}:rename",
	operationId: "rename",
	summary: "Renames",
	tag: "things",
	scope: "admin",
	params: z.object({ id: z.string().describe("Which") }),
	query: z.strictObject({ limit: z.coerce.number().int().min(1).max(9).default(5) }),
	headers: { "idempotency-key": "Same key, same answer" },
	body: thing,
	response: { status: 201, description: "Renamed", schema: z.array(thing), headers: { location: "Where" } },
	errors: ["JOB_NOT_FOUND", "STATE_CONFLICT", "IDEMPOTENCY_CONFLICT"],
}).handle(() => ({ body: [] }));

const upload: Route = route({
	method: "post",
	path: "/v1/files/{+path}",
	operationId: "upload",
	summary: "Uploads",
	rawBody: { contentTypes: ["text/plain", "application/gzip"], description: "The file" },
	errorShape: "tei",
	response: { status: 200, description: "Events", contentType: "text/event-stream" },
}).handle(() => {});

/** Every `$ref` of a document. */
function references(document: unknown): string[] {
	return [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref!);
}

describe("the OpenAPI document", () => {
	const document = openApiDocument({ title: "test", version: "1", routes: [put, upload] });
	const operation = document.paths["/v1/things/{id}:rename"]!.put!;

	it("has each route with its parameters, of path, query and header", () => {
		expect(operation.parameters).toMatchObject([
			{ name: "id", in: "path", required: true, description: "Which" },
			{ name: "limit", in: "query", required: false, schema: { type: "integer", minimum: 1, maximum: 9, default: 5 } },
			{ name: "idempotency-key", in: "header", required: false },
		]);
		expect(document.paths).toHaveProperty(["/v1/files/{path}"]);
	});

	it("keeps apart what a schema takes and what it gives", () => {
		expect(operation.requestBody).toMatchObject({
			required: true,
			content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } },
		});
		expect(document.components.schemas.Thing).toMatchObject({ required: ["name"] });
		expect(operation.responses["201"]).toMatchObject({
			content: { "application/json": { schema: { type: "array", items: { $ref: "#/components/schemas/ThingOutput" } } } },
		});
		expect(document.components.schemas.ThingOutput).toMatchObject({ required: ["name", "size"] });
	});

	it("lists every status that a route may answer, each with its reasons and its shape", () => {
		expect(Object.keys(operation.responses)).toEqual(["201", "400", "401", "403", "404", "409", "413", "415", "422", "500", "503"]);
		expect(operation.responses["409"]).toMatchObject({
			description: "STATE_CONFLICT, IDEMPOTENCY_CONFLICT",
			content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
		});
		const other = document.paths["/v1/files/{path}"]!.post!;
		expect(other.responses["500"]).toMatchObject({
			content: { "application/json": { schema: { $ref: "#/components/schemas/TeiError" } } },
		});
		expect(other.requestBody).toMatchObject({ content: { "text/plain": {}, "application/gzip": {} } });
	});

	it("asks for a key where the route has a scope, and nowhere when keys are off", () => {
		expect(operation.security).toEqual([{ bearer: [] }, { apiKey: [] }]);
		expect(document.paths["/v1/files/{path}"]!.post!.security).toBeUndefined();
		const open = openApiDocument({ title: "test", version: "1", routes: [put], secured: false });
		expect(JSON.stringify(open)).not.toContain("apiKey");
	});

	it("refers to nothing that it does not have", () => {
		const names = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
		for (const reference of references(document)) expect(names).toContain(reference);
	});

	it("needs a name for a schema that contains itself", () => {
		const tree: z.ZodType = z.object({
			get children() {
				return z.array(tree);
			},
		});
		const recursive = { ...put, body: tree };
		expect(() => openApiDocument({ title: "test", version: "1", routes: [recursive] })).toThrow("needs an id");
	});
});

describe("/docs and /openapi.json", () => {
	it("are served, the page with a policy that lets nothing else load", async () => {
		const { url } = await startRest({ routes: [put] });
		const page = await fetch(`${url}/docs`);
		expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
		expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
		const html = await page.text();
		expect(html).toContain("/v1/things/{id}:rename");
		expect(html).not.toMatch(/<script|<link|@import|src=/);
		const document = (await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string; paths: object };
		expect(document.openapi).toBe("3.1.0");
		expect(Object.keys(document.paths)).toEqual(["/v1/things/{id}:rename", "/healthz", "/readyz", "/metrics"]);
	});

	it("show descriptions as text, not as markup", () => {
		const page = docsPage(openApiDocument({ title: "<img>", version: "1", routes: [put] }));
		expect(page).not.toContain("<b>thing</b>");
		expect(page).not.toContain("<img>");
	});
});
