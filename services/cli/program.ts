/** `dak`'s commands. */
import { configTable, maskedConfig } from "@dak/shared/config";
import { Command } from "commander";
import { adaptersCommand } from "./adapters/command.js";
import { addBackup } from "./backup/command.js";
import { type Cli, leaf, tell } from "./command/index.js";
import { completionCommand } from "./completion/command.js";
import { demoCommand } from "./demo/command.js";
import { addDoctor } from "./doctor/command.js";
import { addEval } from "./evaluation/command.js";
import { jobsCommand } from "./jobs/command.js";
import { addEstimate, addTrain } from "./jobs/train.js";
import { addLabel } from "./labels/command.js";
import { modelsCommand } from "./models.js";
import { addTexts } from "./texts/command.js";
import { up } from "./up.js";

export function createProgram(cli: Cli): Command {
	const program = new Command("dak").description("Adapt a sentence-embedding model to your own text, and serve the adapters.");
	program.addHelpText(
		"after",
		'\nA start:\n  $ dak up                                                    in a terminal of its own\n  $ dak train titles.txt --base all-MiniLM-L6-v2 --name titles --watch\n  $ dak similarity "one text" "another" --adapter titles',
	);
	program.commandsGroup("Run:");
	addUp(cli, program);
	addDoctor(cli, program);
	program.addCommand(demoCommand().addHelpText("after", "\nExample:\n  $ dak demo --data titles.txt"));
	program.commandsGroup("Adapt:");
	addTrain(cli, program);
	addEstimate(cli, program);
	program.addCommand(jobsCommand(cli));
	program.commandsGroup("Use:");
	program.addCommand(adaptersCommand(cli));
	addTexts(cli, program);
	addLabel(cli, program);
	addEval(cli, program);
	program.commandsGroup("This machine:");
	program.addCommand(modelsCommand(cli));
	addBackup(cli, program);
	addConfig(cli, program);
	program.addCommand(completionCommand(cli, program));
	program.helpCommand("help [command]", "display help for a command");
	return settled(program, cli);
}

function addUp(cli: Cli, program: Command): void {
	leaf(program, {
		usage: "up",
		description: "run train-service and embed-service until Ctrl-C",
		example: "DAK_BASE_MODEL=multilingual-e5-small dak up",
		json: "print where they listen as one line of JSON once both are ready",
	}).action(async ({ json }: { json?: true }) => {
		cli.exitCode = await up({ onReady: json ? (ports) => cli.json(ports) : undefined });
	});
}

function addConfig(cli: Cli, program: Command): void {
	leaf(program, {
		usage: "config",
		description: "the configuration in force, secrets masked",
		example: "dak config --table",
		json: "as it is without --table",
	})
		.option("--table", "every variable as a Markdown table")
		.action(({ table }: { table?: boolean }) => cli.out.line(table ? configTable() : JSON.stringify(maskedConfig(cli.config), null, 2)));
}

/** What holds for every command: where it prints, and that a mistake is thrown, not an exit in the middle. */
function settled(command: Command, cli: Cli): Command {
	command
		.exitOverride()
		.configureOutput({
			writeOut: (text) => void cli.io.out.write(text),
			writeErr: (text) => void cli.io.err.write(text),
			getOutHasColors: () => false,
			getErrHasColors: () => false,
			getOutHelpWidth: () => cli.out.columns,
			getErrHelpWidth: () => cli.err.columns,
		})
		.showHelpAfterError(`See: ${pathOf(command)} --help`);
	for (const each of command.commands) settled(each, cli);
	return command;
}

/** `dak jobs list` */
export function pathOf(command: Command): string {
	return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** Runs one command line, without the program's own name. @returns the exit code */
export async function runDak(cli: Cli, args: readonly string[]): Promise<number> {
	try {
		await createProgram(cli).parseAsync([...args], { from: "user" });
	} catch (error) {
		tell(cli, error, args.includes("--json"));
	}
	return cli.exitCode;
}
