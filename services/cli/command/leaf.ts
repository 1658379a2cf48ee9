import { type Command, InvalidArgumentError } from "commander";

export interface LeafOptions {
	/** Name and arguments: `show <id>`. */
	readonly usage: string;
	readonly description: string;
	/** In the list of commands; default: the description. */
	readonly summary?: string;
	/** One command line that works, shown by --help. */
	readonly example: string;
	/** What --json prints. */
	readonly json: string;
}

/** A command that does something: each has an example in its help, and --json. */
export function leaf(parent: Command, { usage, description, summary = description, example, json }: LeafOptions): Command {
	return parent
		.command(usage)
		.summary(summary)
		.description(description)
		.option("--json", json)
		.addHelpText("after", `\nExample:\n  $ ${example}`);
}

/** Reads an option's number. @throws InvalidArgumentError with what was found and allowed */
export function asNumber(text: string): number {
	const value = Number(text);
	if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError(`found ${JSON.stringify(text)}, allowed: a number`);
	return value;
}

export function asCount(text: string): number {
	const value = asNumber(text);
	if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError(`found ${text}, allowed: a whole number from 1`);
	return value;
}
