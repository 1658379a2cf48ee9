/** `dak`, the command line. */
import { Cli } from "./command/index.js";
import { runDak } from "./program.js";

// What reads our output may stop early, as `head` does; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
	if (error.code === "EPIPE") process.exit(0);
	throw error;
});

process.exitCode = await runDak(new Cli({ out: process.stdout, err: process.stderr, env: process.env }), process.argv.slice(2));
