/** `dak eval`: whether an adapter searches better than the base, or than another. */

import { type Comparison, FEWEST_ITEMS, verdictOfAll } from "@dak/shared/evaluation";
import type { Command } from "commander";
import { type Cli, type Connection, leaf, withConnection } from "../command/index.js";
import { bar, signed, type Terminal } from "../terminal.js";
import { compareModels, type EvalResult } from "./compare.js";
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
		summary: "whether an adapter searches better, by labels",
		description:
			"labelled queries, categories or graded pairs under two models that are served: scores, and an interval of each difference",
		example: "dak eval queries.jsonl --corpus titles.txt --adapter titles",
		json: "print scores, interval and verdict as JSON",
	})
		.requiredOption("-a, --adapter <name>", "the adapter in question; base for the base model")
		.option("--against <name>", "what it is compared with", "base")
		.option("--corpus <file>", "further texts that are searched, one a line")
		.option("--query-prompt <name>", "the base model's prompt for queries")
		.option("--text-prompt <name>", "the base model's prompt for texts")
		.addHelpText(
			"after",
			`
The file holds one of these a line, as a job's evaluation does; 50 are useful:
  {"query": "…", "relevant": ["…"]}
  {"text": "…", "category": "…"}
  {"sentence1": "…", "sentence2": "…", "score": 0.8}`,
		);
	withConnection(command, ["embed"]).action((file: string, options: Options) => evaluate(cli, file, options));
}

async function evaluate(cli: Cli, file: string, options: Options): Promise<void> {
	const found = readLabelled(file);
	const labelled = { ...found, corpus: [...found.corpus, ...(options.corpus === undefined ? [] : readCorpus(options.corpus))] };
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

const NAMES: Readonly<Record<string, string>> = {
	"mrr@10": "MRR@10",
	"ndcg@10": "nDCG@10",
	"map@10": "MAP@10",
	"recall@1": "recall@1",
	"recall@10": "recall@10",
	"recall@100": "recall@100",
	"hit@1": "hit@1",
	spearman: "Spearman",
};

function printResult(terminal: Terminal, { queries, texts, a, b, tasks, verdict }: EvalResult): void {
	const { retrieval, categories, similarity } = tasks;
	const width = Math.max(8, a.served_as.length, b.served_as.length);
	const print = (title: string, comparison: Comparison | undefined) => comparison && printTask(terminal, title, comparison, width, [a, b]);
	print(`${queries} queries over ${texts} texts`, retrieval);
	print(`${categories?.items} texts, each searched for the others of its category`, categories);
	print(`${similarity?.items} graded pairs`, similarity);
	const items = Object.values(tasks).reduce((most, task) => Math.max(most, task.items), 0);
	if (Object.keys(tasks).length > 1) terminal.line(`all together: ${paint(terminal, verdict, items)}`);
}

type Served = EvalResult["a"];

function printTask(terminal: Terminal, title: string, comparison: Comparison, width: number, [a, b]: readonly [Served, Served]): void {
	terminal.line(title);
	terminal.line(`${"".padEnd(10)} ${a.served_as.padStart(width)}  ${b.served_as.padStart(width)}`);
	for (const [metric, { gain, ci95 }] of Object.entries(comparison.differences)) {
		const [one, two] = [comparison.base[metric]!, comparison.adapted[metric]!];
		const scores = `${one.toFixed(3).padStart(width)}  ${two.toFixed(3).padStart(width)}`;
		terminal.line(`${NAMES[metric]!.padEnd(10)} ${scores}  ${signed(gain)} [${signed(ci95[0])}, ${signed(ci95[1])}]`);
	}
	const { metric, gain, ci95 } = comparison;
	const interval = `${NAMES[metric]} ${signed(gain)} [${signed(ci95[0])}, ${signed(ci95[1])}] (95 %, paired bootstrap)`;
	terminal.line(`${interval}: ${paint(terminal, verdictOfAll([comparison]), comparison.items)}`);
}

function paint(terminal: Terminal, verdict: EvalResult["verdict"], items: number): string {
	if (verdict === "improved") return terminal.green(verdict);
	if (verdict === "regressed") return terminal.red(verdict);
	return terminal.yellow(
		verdict === "no_change"
			? "no change that chance does not explain"
			: `unverified, ${items} are too few for a verdict; allowed: ${FEWEST_ITEMS} or more`,
	);
}
