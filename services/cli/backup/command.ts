/** `dak backup` and `dak restore`: the embedded default's state, out of its folders and back. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { type Cli, leaf } from "../command/index.js";
import { type BackupSummary, backup, restore } from "./backup.js";

function told(cli: Cli, verb: string, summary: BackupSummary, json: boolean): void {
	if (json) cli.json(summary);
	else cli.out.line(`${verb} ${summary.jobs} jobs and ${summary.files} files: ${summary.folder}`);
}

export function addBackup(cli: Cli, program: Command): void {
	leaf(program, {
		usage: "backup <folder>",
		description: "copy jobs, datasets, checkpoints, reports and adapters to a new folder; train-service may run",
		example: "dak backup /backups/2026-01-31",
		json: "print what was copied as JSON",
	}).action((folder: string, { json }: { json?: true }) => told(cli, "backed up", backup(resolve(folder), cli.config), json ?? false));
	leaf(program, {
		usage: "restore <folder>",
		description: "put a backup into a DAK_DATA_DIR that has no jobs; train-service must not run",
		example: "DAK_DATA_DIR=/var/lib/dak/state dak restore /backups/2026-01-31",
		json: "print what was put back as JSON",
	}).action((folder: string, { json }: { json?: true }) => told(cli, "restored", restore(resolve(folder), cli.config), json ?? false));
}
