import { fileURLToPath } from "node:url";

/** A module to start as a process or worker thread of its own, with the Node options that it needs. */
export interface EntryPoint {
	readonly file: string;
	readonly execArgv: readonly string[];
}

/**
 * Finds the module `name` (without extension) beside the module with URL `from`: the compiled .js in a build, or the .ts
 * itself, run by tsx, where the sources run (tests).
 */
export function entryPoint(from: string, name: string): EntryPoint {
	const fromSources = from.endsWith(".ts");
	return {
		file: fileURLToPath(new URL(`./${name}.${fromSources ? "ts" : "js"}`, from)),
		execArgv: fromSources ? ["--import", "tsx", "--conditions", "@dak/source"] : [],
	};
}
