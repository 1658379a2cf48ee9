import { Command } from "commander";
import { runDemo } from "./run.js";

export function demoCommand(): Command {
	return new Command("demo")
		.description("the main job end to end: train on texts, hot-load the adapter, search with and without it")
		.option("--json <file>", "write what was measured as JSON")
		.option("--data <file>", "your own texts: plain text, JSONL, CSV or TSV, also gzipped")
		.action(async (options: { json?: string; data?: string }) => process.exit(await runDemo(options)));
}
