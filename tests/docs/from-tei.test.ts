/** docs/how-to/from-tei.md: its commands print what it says, and its tables name what is there. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configSchema } from "@dak/shared/config";
import { tei } from "@dak/shared/proto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openTestModel } from "../../shared/nn/testing/base-model.js";
import { type EmbedTestService, launchEmbedService, publishTestAdapter } from "../contract/embed-service.setup.js";

const page = readFileSync(join(import.meta.dirname, "../../docs/how-to/from-tei.md"), "utf8");
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```\n```text\n([\s\S]*?)```/g)].map(
	([, command, printed]) => [command!.trim(), printed!] as const,
);

let service: EmbedTestService;
beforeAll(async () => {
	service = await launchEmbedService();
	const base = await openTestModel();
	publishTestAdapter(service, "parts", base, { seed: "parts" });
	base.weights.close();
	await vi.waitFor(async () => expect((await service.adapters.listAdapters({})).adapters).toHaveLength(1), { timeout: 10_000 });
});
afterAll(() => service?.stop());

function run(command: string): Promise<string> {
	const child = spawn("bash", ["-o", "pipefail", "-c", command], { env: { ...process.env, EMBED: service.url } });
	let out = "";
	child.stdout.on("data", (data) => {
		out += data;
	});
	return new Promise((resolve) => child.once("close", () => resolve(out)));
}

test("has commands", () => {
	expect(commands.length).toBeGreaterThan(4);
});

test.each(commands)("%s", async (command, printed) => {
	expect(await run(command)).toBe(printed);
});

describe("its tables", () => {
	test("name routes that are there", async () => {
		const { paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as { paths: Record<string, object> };
		const named = [...page.matchAll(/`(GET|POST) (\/[^`]*)`/g)].map(([, method, path]) => [method!.toLowerCase(), path!] as const);
		expect(named.length).toBeGreaterThan(20);
		for (const [method, path] of named) {
			if (["/docs", "/openapi.json"].includes(path)) expect((await fetch(service.url + path)).status, path).toBe(200);
			else expect(paths[path], path).toHaveProperty(method);
		}
	});

	test("name gRPC methods of tei.v1, every one", () => {
		const rows = page.split("\n").filter((line) => line.startsWith("| gRPC `tei.v1`"));
		const named = rows.flatMap((row) => [...row.split("|")[1]!.matchAll(/`([A-Z]\w+)`/g)].map(([, name]) => name!));
		const methods = [tei.Info, tei.Embed, tei.Predict, tei.Rerank, tei.Tokenize].flatMap((service) =>
			service.methods.map(({ name }) => name),
		);
		// "and their streams"
		const streams = named.map((name) => `${name}Stream`).filter((name) => methods.includes(name));
		expect([...new Set([...named, ...streams])].sort()).toEqual([...methods].sort());
	});

	test("name variables that are read, and metrics that are exposed", async () => {
		for (const [name] of page.matchAll(/\b(DAK|HF)_[A-Z_]+\b/g)) expect(configSchema.shape, name).toHaveProperty(name);
		const metrics = await (await fetch(`${service.url}/metrics`)).text();
		for (const [name] of page.matchAll(/\bdak_embed_\w+/g)) expect(metrics, name).toContain(`# TYPE ${name} `);
	});
});
