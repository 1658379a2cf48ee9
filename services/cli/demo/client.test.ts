import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { embedAll, getJson, metricNames, metricValue, upload } from "./client.js";

const METRICS = `# HELP dak_train_steps_total Steps.
# TYPE dak_train_steps_total counter
dak_train_steps_total 12
# TYPE dak_train_step_seconds histogram
dak_train_step_seconds_bucket{le="1"} 3
dak_train_step_seconds_sum 4.5
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{mode="all"} 1.5e3
`;

async function bodyOf(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
	const body = await bodyOf(request);
	const reply = (status: number, value: unknown) => response.writeHead(status).end(JSON.stringify(value));
	if (request.url === "/embed") {
		const { inputs, adapter } = JSON.parse(body) as { inputs: string[]; adapter?: string };
		return void reply(
			200,
			inputs.map((text) => [text.length, adapter === "demo" ? 1 : 0]),
		);
	}
	if (request.url?.startsWith("/v1/datasets")) return void reply(201, { id: `${request.url}|${body}` });
	if (request.url === "/problem") return void reply(404, { title: "Job not found", detail: "found no job x" });
	if (request.url === "/tei") return void reply(413, { error: "found 3 texts", error_type: "Validation" });
	response.writeHead(502).end("<html>bad gateway</html>");
}

const server = createServer((request, response) => void answer(request, response));
let url: string;
let folder: string;

beforeAll(async () => {
	await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
	url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	folder = mkdtempSync(join(tmpdir(), "dak-client-"));
});
afterAll(() => {
	server.close();
	rmSync(folder, { recursive: true });
});

test("many texts are embedded in several requests, in order", async () => {
	const texts = Array.from({ length: 150 }, (_, i) => "x".repeat(i + 1));
	const vectors = await embedAll(url, texts, "demo");
	expect([...vectors]).toEqual(texts.flatMap((text) => [text.length, 1]));
	expect([...(await embedAll(url, ["ab"]))]).toEqual([2, 0]);
});

test("a file is uploaded as it is, under its own name", async () => {
	const file = join(folder, "my titles.txt");
	writeFileSync(file, "one\ntwo\n");
	expect(await upload(url, file)).toMatchObject({ id: "/v1/datasets?filename=my%20titles.txt|one\ntwo\n" });
});

test.each([
	["/problem", "/problem answered 404: found no job x"],
	["/tei", "/tei answered 413: found 3 texts"],
	["/proxy", "/proxy answered 502: <html>bad gateway</html>"],
])("a refusal is told by what it says: %s", async (path, message) => {
	await expect(getJson(url + path)).rejects.toThrow(message);
});

test("metrics are read by name: the first value, and the product's own names once each", () => {
	expect(metricValue(METRICS, "dak_train_steps_total")).toBe(12);
	expect(metricValue(METRICS, "process_cpu_seconds_total")).toBe(1500);
	expect(metricValue(METRICS, "dak_train")).toBeUndefined();
	expect([...metricNames(METRICS)]).toEqual(["dak_train_steps_total", "dak_train_step_seconds"]);
});
