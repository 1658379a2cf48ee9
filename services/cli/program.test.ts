import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Command } from "commander";
import { expect, onTestFinished, test } from "vitest";
import { Cli } from "./command/index.js";
import { createProgram, pathOf } from "./program.js";
import { dak } from "./testing/run.js";

const quiet = { write: () => true };
const leaves = (command: Command): Command[] => (command.commands.length > 0 ? command.commands.flatMap(leaves) : [command]);
const paths = leaves(createProgram(new Cli({ out: quiet, err: quiet, env: {} })))
	.map(pathOf)
	.map((path) => path.split(" ").slice(1));

test("every command that issue and README name is there", () => {
	const names = paths.map((path) => path.join(" "));
	for (const group of [
		"jobs list show watch cancel resume logs",
		"adapters list load unload inspect compare merge export",
		"models list pull check",
	]) {
		const [command, ...rest] = group.split(" ");
		expect(names).toEqual(expect.arrayContaining(rest.map((name) => `${command} ${name}`)));
	}
	expect(names).toEqual(expect.arrayContaining("up train embed similarity eval estimate config doctor completion demo".split(" ")));
});

test.each(paths)("dak %s: --help has an example of it, and there is --json", async (...path) => {
	const { code, out } = await dak([...path, "--help"]);
	expect(code).toBe(0);
	expect(out).toMatch(new RegExp(`Example:\n  \\$ .*dak ${path.join(" ")}`));
	expect(out).toContain("--json");
	expect(out).not.toContain("\u001b");
});

test.each([
	[["nonsense"], "unknown command 'nonsense'"],
	[["train"], "required option '-b, --base <model>' not specified"],
	[["jobs", "show"], "missing required argument 'id'"],
	[["jobs", "list", "-n", "0"], "found 0, allowed: a whole number from 1"],
	[["adapters", "load", "a", "--path", "b", "--job", "c"], "cannot be used with"],
	[["completion", "fish"], "Allowed choices are bash, zsh"],
])("a wrong command line ends with 2 and says where help is: %j", async (args, message) => {
	const { code, err } = await dak(args);
	expect(code).toBe(2);
	expect(err).toContain(message);
	expect(err).toContain("--help");
});

/** A service that refuses everything alike. */
async function refusing(status: number, problem: object): Promise<string> {
	const server = createServer((_, response) =>
		response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(problem)),
	);
	await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
	onTestFinished(() => void server.close().closeAllConnections());
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("what a service cannot do yet is told in its words, without a stack", async () => {
	const problem = {
		type: "/problems/not-implemented",
		title: "Not implemented",
		reason: "NOT_IMPLEMENTED",
		detail: "estimates are not implemented yet",
	};
	const url = await refusing(501, problem);
	for (const args of [
		["jobs", "resume", "job_1"],
		["jobs", "report", "job_1", "--html", "/nowhere/report.html"],
		["adapters", "merge", "a", "-o", "/nowhere/model", "--embed", url],
	]) {
		const { code, out, err } = await dak([...args, "--train", url]);
		expect([code, out, err]).toEqual([1, "", "dak: estimates are not implemented yet\n"]);
	}
	const { err } = await dak(["jobs", "resume", "job_1", "--train", url, "--json"]);
	expect(JSON.parse(err)).toMatchObject({ error: { status: 501, ...problem } });
});

test("several wrong fields are listed, and advice follows where there is some", async () => {
	const errors = [
		{ pointer: "/lora/r", detail: "found 0" },
		{ pointer: "/goal", detail: "found x" },
	];
	const url = await refusing(422, { reason: "INVALID_REQUEST", detail: "two fields", errors });
	expect((await dak(["jobs", "show", "j", "--train", url])).err).toBe("dak: two fields\n  /lora/r: found 0\n  /goal: found x\n");
	const locked = await refusing(401, { reason: "UNAUTHENTICATED", detail: "no API key" });
	expect((await dak(["jobs", "show", "j", "--train", locked])).err).toContain("DAK_API_KEY");
});

test("where nobody listens, dak says how to start", async () => {
	const { code, err } = await dak(["adapters", "list", "--embed", "http://127.0.0.1:9"]);
	expect(code).toBe(1);
	expect(err).toMatch(/^dak: http:\/\/127\.0\.0\.1:9 does not answer: .*\nStart both services with: dak up/);
});
