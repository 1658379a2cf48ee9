/** `dak train`: a file becomes an adapter. `dak estimate`: what that would take. */
import type { EstimateJson } from "@dak/shared/client";
import type { Command } from "commander";
import { type Cli, type Connection, leaf, withConnection } from "../command/index.js";
import { clock, mib } from "../terminal.js";
import { jobSpec, type SpecOptions, uploaded, withSpec } from "./spec.js";
import { exitCodeOf, tellEnd, watchToEnd } from "./watch.js";

type Options = Connection & SpecOptions & { readonly json?: true; readonly watch?: true };

export function addTrain(cli: Cli, program: Command): void {
	const command = leaf(program, {
		usage: "train <file>",
		summary: "adapt a base model to a file of texts",
		description:
			"submit a job that adapts a base model to a file of texts (plain text, JSONL, CSV, TSV or Parquet; each also with gzip or zstd)",
		example: "dak train titles.txt --base all-MiniLM-L6-v2 --name titles --eval queries.jsonl --watch",
		json: "print the job as JSON; with --watch each event, and the ended job last",
	}).option("-w, --watch", "show the progress until the job ends; the exit code follows the job");
	withConnection(withSpec(command), ["train"], { grpc: true }).action((file: string, options: Options) => train(cli, file, options));
}

async function train(cli: Cli, file: string, options: Options): Promise<void> {
	// Labelled queries that cannot be read are told before anything is uploaded.
	jobSpec(options, { upload: "" });
	await cli.withClient(options, async (dak) => {
		const { id: upload, statistics } = await uploaded(dak, file, options);
		const job = await dak.jobs.create(jobSpec(options, { upload }));
		if (options.json) cli.json(job);
		else cli.out.line(`${job.id}  ${statistics.texts} texts, adapter ${job.spec.adapter_name}`);
		if (!options.watch) {
			if (!options.json) cli.out.line(cli.out.dim(`dak jobs watch ${job.id}`));
			return;
		}
		const ended = await watchToEnd(cli, dak, job.id, { json: options.json ?? false });
		if (!options.json) return tellEnd(cli, dak, ended);
		cli.json(ended);
		cli.exitCode = exitCodeOf(ended);
	});
}

export function addEstimate(cli: Cli, program: Command): void {
	const command = leaf(program, {
		usage: "estimate <file>",
		description: "memory and time that a job would take, before it runs",
		example: "dak estimate titles.txt --base all-MiniLM-L6-v2 --steps 500",
		json: "print the estimate as JSON",
	});
	withConnection(withSpec(command), ["train"]).action((file: string, options: Options) =>
		cli.withClient(options, async (dak) => {
			const { id: upload } = await uploaded(dak, file, options);
			const estimate = await dak.jobs.estimate(jobSpec(options, { upload }));
			if (options.json) cli.json(estimate);
			else for (const line of estimateLines(estimate)) cli.out.line(line);
		}),
	);
}

/** Whatever the service says, with bytes and seconds as people read them. */
function estimateLines(estimate: EstimateJson): string[] {
	const entries = Object.entries(estimate);
	const width = Math.max(...entries.map(([name]) => name.length));
	return entries.flatMap(([name, value]) => {
		const label = name
			.replace(/_bytes$/, "")
			.replaceAll("_", " ")
			.padEnd(width);
		const values = Array.isArray(value) ? value.map((each) => shown("", each)) : [shown(name, value)];
		return values.map((text, i) => `${i === 0 ? label : " ".repeat(width)}  ${text}`);
	});
}

function shown(name: string, value: unknown): string {
	if (typeof value === "object" && value !== null)
		return Object.entries(value)
			.map(([inner, each]) => `${inner.replace(/_bytes$/, "").replaceAll("_", " ")} ${shown(inner, each)}`)
			.join(", ");
	if (typeof value === "boolean") return value ? "yes" : "no";
	if (typeof value !== "number") return String(value);
	if (name.endsWith("_bytes")) return mib(value);
	return /(^|_)seconds/.test(name) ? `${clock(value)} min` : String(value);
}
