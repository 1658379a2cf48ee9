/** `dak completion`: a script for the shell. */
import { Argument, Command } from "commander";
import type { Cli } from "../command/index.js";
import { bashScript } from "./bash.js";
import { nodesOf } from "./words.js";
import { zshScript } from "./zsh.js";

const SCRIPTS = { bash: bashScript, zsh: zshScript } as const;

export function completionCommand(cli: Cli, program: Command): Command {
	return new Command("completion")
		.description("a script that completes dak's commands and options")
		.addArgument(new Argument("<shell>").choices(Object.keys(SCRIPTS)))
		.option("--json", "print the words that the script is made from as JSON")
		.addHelpText("after", "\nExample:\n  $ echo 'source <(dak completion bash)' >> ~/.bashrc")
		.action((shell: keyof typeof SCRIPTS, { json }: { json?: true }) => {
			const nodes = nodesOf(program);
			if (json) cli.json(nodes);
			else cli.io.out.write(SCRIPTS[shell](nodes));
		});
}
