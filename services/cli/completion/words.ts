/** The words that may follow each command, as both shells' scripts are made from. */
import type { Command } from "commander";

export interface Node {
	/** `jobs list`; empty for dak itself. */
	readonly path: string;
	readonly commands: readonly { readonly name: string; readonly description: string }[];
	readonly options: readonly {
		readonly flag: string;
		readonly description: string;
		readonly takesValue: boolean;
		readonly choices: readonly string[];
	}[];
}

/** A command and all below it. */
export function nodesOf(command: Command, path = ""): Node[] {
	const own: Node = {
		path,
		commands: command.commands.map((each) => ({ name: each.name(), description: each.description() })),
		options: [
			...command.options.map(({ long, description, required, optional, argChoices }) => ({
				flag: long!,
				description,
				takesValue: required || optional,
				choices: argChoices ?? [],
			})),
			{ flag: "--help", description: "display help for command", takesValue: false, choices: [] },
		],
	};
	return [own, ...command.commands.flatMap((each) => nodesOf(each, `${path} ${each.name()}`.trim()))];
}
