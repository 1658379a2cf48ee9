/** `dak eval`: whether an adapter searches better than the base, or than another. */
import type { Command } from "commander";
import { type Cli, type Connection, leaf, withConnection } from "../command/index.js";
import { bar, signed, type Terminal } from "../terminal.js";
import { compareModels, type EvalResult, type Scores } from "./compare.js";
import { readCorpus, readLabelled } from "./labelled-file.js";

interface Options extends Connection {
	readonly adapter: string;
	readonly against: string;
	readonly corpus?: string;
	readonly queryPrompt?: string;
	readonly textPrompt?: string;
	readonly json?: true;
}

export function addEval(cli: Cli, program: Command): void {
	const command = leaf(program, {
		usage: "eval <file>",
		summary: "whether an adapter searches better, by labelled queries",
		description: "search with labelled queries under two models that are served: scores, and an interval of the difference",
		example: "dak eval queries.jsonl --corpus titles.txt --adapter titles",
		json: "print scores, interval and verdict as JSON",
	})
		.requiredOption("-a, --adapter <name>", "the adapter in question; base for the base model")
		.option("--against <name>", "what it is compared with", "base")
		.option("--corpus <file>", "further texts that are searched, one a line")
		.option("--query-prompt <name>", "the base model's prompt for queries")
		.option("--text-prompt <name>", "the base model's prompt for texts")
		.addHelpText("after", '\nThe file holds {"query": "…", "relevant": ["…"]} a line, as a job\'s evaluation.queries does; 50 are useful.');
	withConnection(command, ["embed"]).action((file: string, options: Options) => evaluate(cli, file, options));
}

async function evaluate(cli: Cli, file: string, options: Options): Promise<void> {
	const { queries, corpus } = readLabelled(file);
	const labelled = { queries, corpus: [...corpus, ...(options.corpus === undefined ? [] : readCorpus(options.corpus))] };
	await cli.withClient(options, async (dak) => {
		const onProgress = (model: string, done: number, total: number) =>
			cli.err.status(`  ${bar(done / total)} ${done}/${total} texts  ${model}`, false);
		const { queryPrompt, textPrompt } = options;
		const result = await compareModels(dak, labelled, [options.against, options.adapter], { queryPrompt, textPrompt, onProgress });
		if (cli.err.isTty) cli.err.status("", false);
		if (options.json) cli.json(result);
		else printResult(cli.out, result);
	});
}

const NAMES: readonly [keyof Scores, string][] = [
	["mrr10", "MRR@10"],
	["hit1", "hit@1"],
	["recall10", "recall@10"],
	["ndcg10", "nDCG@10"],
];

function printResult(terminal: Terminal, { queries, texts, a, b, difference, verdict }: EvalResult): void {
	const width = Math.max(8, a.served_as.length, b.served_as.length);
	terminal.line(`${queries} queries over ${texts} texts`);
	terminal.line(`${"".padEnd(10)} ${a.served_as.padStart(width)}  ${b.served_as.padStart(width)}`);
	for (const [key, name] of NAMES) {
		const [one, two] = [a.scores[key], b.scores[key]];
		terminal.line(`${name.padEnd(10)} ${one.toFixed(3).padStart(width)}  ${two.toFixed(3).padStart(width)}  ${signed(two - one)}`);
	}
	const [low, high] = difference.ci95;
	const interval = `MRR@10 ${signed(difference.mean)} [${signed(low)}, ${signed(high)}] (95 %, paired bootstrap)`;
	const painted =
		verdict === "improved"
			? terminal.green(verdict)
			: verdict === "regressed"
				? terminal.red(verdict)
				: terminal.yellow("no change that chance does not explain");
	terminal.line(`${interval}: ${painted}`);
}
