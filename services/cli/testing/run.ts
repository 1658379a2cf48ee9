import { Cli } from "../command/index.js";
import { runDak } from "../program.js";

export interface Ran {
	readonly code: number;
	readonly out: string;
	readonly err: string;
	/** Each line of the output as JSON. */
	json<T = Record<string, unknown>>(): T[];
}

/** Runs a `dak` command line in this process, its output as in a pipe. */
export async function dak(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
	const [out, err]: [string[], string[]] = [[], []];
	const cli = new Cli({ out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) }, env });
	const code = await runDak(cli, args);
	const text = out.join("");
	return {
		code,
		out: text,
		err: err.join(""),
		json: <T>() =>
			text
				.split("\n")
				.filter((line) => line !== "")
				.map((line) => JSON.parse(line) as T),
	};
}
