/** `dak doctor`: what this machine has for the services, what is missing, and what to do about it. */
import { type Config, loadConfig } from "@dak/shared/config";
import type { Command } from "commander";
import { type Cli, EXIT, leaf } from "../command/index.js";
import { reasonOf } from "../failure.js";
import type { Terminal } from "../terminal.js";
import { checkBaseModel, checkGpu, checkHub, checkProviders } from "./engine.js";
import { type Finding, fail, ok } from "./finding.js";
import { checkDisk, checkMemory, checkNode } from "./machine.js";
import { bothServices, checkPorts } from "./ports.js";
import { checkRedis } from "./redis.js";

export function addDoctor(cli: Cli, program: Command): void {
	leaf(program, {
		usage: "doctor",
		summary: "what is there, what is missing, and what to do",
		description: "what this machine has for the services, what is missing, and what to do; exit code 1 if something fails",
		example: "dak doctor",
		json: "print the findings as a JSON array",
	}).action(async ({ json }: { json?: true }) => {
		const findings = await examine(cli.io.env);
		if (json) cli.json(findings);
		else printFindings(cli.out, findings);
		if (findings.some(({ status }) => status === "fail")) cli.exitCode = EXIT.failed;
	});
}

/** A configuration that cannot be read is a finding; the other checks go on with the defaults. */
function readConfig(env: NodeJS.ProcessEnv): [Config, Finding] {
	try {
		const config = loadConfig(env);
		return [config, ok("configuration", `read; data in ${config.dataDir}`)];
	} catch (error) {
		return [
			loadConfig({}),
			fail("configuration", reasonOf(error), "dak config --table lists every variable; what follows holds for the defaults"),
		];
	}
}

export async function examine(env: NodeJS.ProcessEnv): Promise<Finding[]> {
	const [config, read] = readConfig(env);
	return [
		checkNode(),
		read,
		checkMemory(),
		checkDisk(config.dataDir),
		...(await Promise.all([
			checkProviders(config),
			checkGpu(config),
			checkBaseModel(config),
			checkHub(config),
			checkRedis(env.DAK_REDIS_URL),
			...bothServices(config).map((service) => checkPorts(config.DAK_HOST, service)),
		])),
	];
}

function printFindings(terminal: Terminal, findings: readonly Finding[]): void {
	const mark = { ok: terminal.green("✓"), warn: terminal.yellow("!"), fail: terminal.red("✗") };
	for (const { check, status, found, advice } of findings) {
		terminal.line(`${mark[status]} ${check.padEnd(14)} ${found}`);
		if (advice !== undefined) terminal.line(`  ${"".padEnd(14)} ${terminal.dim("→")} ${advice}`);
	}
	const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
	terminal.line();
	terminal.line(`${count("ok")} in order, ${count("warn")} to look at, ${count("fail")} to mend`);
}
