/** `dak`, the command line. More commands (train, adapters, embed, eval, doctor) are to come; until then they are not listed. */
import { configTable, loadConfig, maskedConfig } from "@dak/shared/config";
import { Command } from "commander";
import { demoCommand } from "./demo/command.js";
import { reasonOf } from "./failure.js";
import { jobsCommand } from "./jobs/command.js";
import { modelsCommand } from "./models.js";
import { up } from "./up.js";

const program = new Command("dak").description("Adapt a sentence-embedding model to your own text, and serve the adapters.");
program
	.command("up")
	.description("run train-service and embed-service")
	.action(async () => process.exit(await up()));
program
	.command("config")
	.description("the configuration in force, secrets masked")
	.option("--table", "every variable as a Markdown table")
	.action(({ table }: { table?: boolean }) => console.log(table ? configTable() : JSON.stringify(maskedConfig(loadConfig()), null, 2)));
program.addCommand(modelsCommand());
program.addCommand(jobsCommand());
program.addCommand(demoCommand());

try {
	await program.parseAsync();
} catch (error) {
	console.error(`dak: ${reasonOf(error)}`);
	process.exitCode = 1;
}
