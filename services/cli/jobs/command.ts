/** `dak jobs`: jobs of a train-service. */

import { writeFileSync } from "node:fs";
import type { JobJson, JobStateName } from "@dak/shared/client";
import { Command } from "commander";
import { asCount, type Cli, type Connection, leaf, withConnection } from "../command/index.js";
import { printLogs } from "./logs.js";
import { printReport } from "./report.js";
import { jobLines, jobTable } from "./show.js";
import { exitCodeOf, tellEnd, watchToEnd } from "./watch.js";

type Options = Connection & { readonly json?: true };

const EXAMPLE_ID = "job_01m86mecswp1scc14nts";

export function jobsCommand(cli: Cli): Command {
	const jobs = new Command("jobs").description("jobs of a train-service");
	addList(cli, jobs);
	addWatch(cli, jobs);
	addActions(cli, jobs);
	addReport(cli, jobs);
	return jobs;
}

function addList(cli: Cli, jobs: Command): void {
	withConnection(
		leaf(jobs, {
			usage: "list",
			description: "jobs, newest first",
			example: "dak jobs list --state failed",
			json: "print the jobs as a JSON array",
		})
			.option("--state <state>", "only jobs in this state: queued, preparing, training, …")
			.option("-n, --limit <count>", "most that are listed", asCount, 20),
		["train"],
	).action((options: Options & { state?: JobStateName; limit: number }) =>
		cli.withClient(options, async (dak) => {
			const found: JobJson[] = [];
			for await (const job of dak.jobs.list({ state: options.state, pageSize: Math.min(200, options.limit) }))
				if (found.push(job) >= options.limit) break;
			if (options.json) cli.json(found);
			else if (found.length === 0) cli.out.line("no jobs");
			else for (const line of jobTable(found)) cli.out.line(line);
		}),
	);
	withConnection(
		leaf(jobs, {
			usage: "show <id>",
			description: "a job: state, settings, progress, why it failed",
			example: `dak jobs show ${EXAMPLE_ID}`,
			json: "print the job as JSON, with every setting",
		}),
		["train"],
	).action((id: string, options: Options) =>
		cli.withClient(options, async (dak) => {
			const job = await dak.jobs.get(id);
			if (options.json) cli.json(job);
			else for (const line of jobLines(cli.out, job)) cli.out.line(line);
		}),
	);
}

function addWatch(cli: Cli, jobs: Command): void {
	withConnection(
		leaf(jobs, {
			usage: "watch <id>",
			description: "a job's progress until it ends; exit code 0 succeeded, 1 failed, 3 cancelled",
			example: `dak jobs watch ${EXAMPLE_ID}`,
			json: "print each event as one line of JSON",
		}).option("--from <sequence>", "first event wanted", asCount, 1),
		["train"],
		{ grpc: true },
	).action((id: string, options: Options & { from: number }) =>
		cli.withClient(options, async (dak) => {
			const job = await watchToEnd(cli, dak, id, { json: options.json ?? false, from: options.from });
			if (options.json) cli.exitCode = exitCodeOf(job);
			else await tellEnd(cli, dak, job);
		}),
	);
	withConnection(
		leaf(jobs, {
			usage: "logs <id>",
			description: "what a job has said",
			example: `dak jobs logs ${EXAMPLE_ID} --follow`,
			json: "print each event as one line of JSON",
		}).option("-f, --follow", "go on until the job ends"),
		["train"],
		{ grpc: true },
	).action((id: string, options: Options & { follow?: true }) =>
		cli.withClient(options, (dak) => printLogs(cli, dak, id, { follow: options.follow ?? false, json: options.json ?? false })),
	);
}

function addActions(cli: Cli, jobs: Command): void {
	const actions = [
		{ name: "cancel", under: "cancelled", description: "take a job out of the queue, or stop it after the step in hand" },
		{ name: "pause", under: "paused", description: "take a job off the machine until it is resumed" },
		{ name: "resume", under: undefined, description: "go on from a job's last checkpoint" },
	] as const;
	for (const { name, under, description } of actions) {
		withConnection(
			leaf(jobs, { usage: `${name} <id>`, description, example: `dak jobs ${name} ${EXAMPLE_ID}`, json: "print the job as JSON" }),
			["train"],
		).action((id: string, options: Options) =>
			cli.withClient(options, async (dak) => {
				const job = await dak.jobs[name](id);
				if (options.json) cli.json(job);
				else cli.out.line(`${job.id} ${job.state}${under === undefined || job.state === under ? "" : `, being ${under}`}`);
			}),
		);
	}
}

function addReport(cli: Cli, jobs: Command): void {
	withConnection(
		leaf(jobs, {
			usage: "report <id>",
			description: "what was measured on base and adapter",
			example: `dak jobs report ${EXAMPLE_ID} --html report.html`,
			json: "print the whole report as JSON",
		}).option("--html <file>", "write the report as a page"),
		["train"],
	).action((id: string, options: Options & { html?: string }) =>
		cli.withClient(options, async (dak) => {
			if (options.html === undefined) {
				const report = await dak.jobs.report(id);
				return options.json ? cli.json(report) : printReport(cli.out, report);
			}
			const page = await dak.jobs.reportHtml(id);
			writeFileSync(options.html, page);
			if (options.json) cli.json({ html: options.html, bytes: Buffer.byteLength(page) });
			else cli.out.line(`written to ${options.html}`);
		}),
	);
}
