/** `dak label`: pairs of one's own texts to grade, for `dak eval` and for a job's evaluation. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { DakError } from "@dak/shared/errors";
import { Random } from "@dak/shared/random";
import type { Command } from "commander";
import { asCount, type Cli, type Connection, leaf, withConnection } from "../command/index.js";
import { readCorpus } from "../evaluation/labelled-file.js";
import { bar } from "../terminal.js";
import { vectorsOf } from "../vectors.js";
import { proposePairs } from "./propose.js";

interface Options extends Connection {
	readonly out: string;
	readonly count: number;
	readonly adapter?: readonly string[];
	readonly seed: number;
	readonly json?: true;
}

/** Of a longer file so many lines are looked at, drawn by chance. */
const MOST_TEXTS = 5000;
const HIGHEST = 5;

interface Proposal {
	readonly sentence1: string;
	readonly sentence2: string;
}

export function addLabel(cli: Cli, program: Command): void {
	const command = leaf(program, {
		usage: "label <file>",
		summary: "pairs of your texts to grade, for eval",
		description:
			"proposes pairs of a file's lines that are worth a grade, asks for it, and keeps each answer at once; what is graded is not asked again",
		example: "dak label titles.txt --out labels.jsonl --adapter titles",
		json: "ask nothing: print the pairs with score null, to be graded elsewhere",
	})
		.requiredOption("-o, --out <file>", "where the graded pairs are kept, one JSON object a line")
		.option("-n, --count <pairs>", "how many; 50 are enough to be useful", asCount, 50)
		.option("-a, --adapter <name...>", "also propose what these adapters find near, so that the labels favour no model")
		.option("--seed <number>", "another choice of pairs", asCount, 1);
	withConnection(command, ["embed"]).action((file: string, options: Options) => label(cli, file, options));
}

async function label(cli: Cli, file: string, options: Options): Promise<void> {
	const graded = gradedIn(options.out);
	const proposals = (await propose(cli, file, options)).filter((pair) => !graded.has(keyOf(pair)));
	if (options.json) {
		for (const pair of proposals) cli.json({ ...pair, score: null });
		return;
	}
	if (!process.stdin.isTTY)
		throw new DakError("INVALID_REQUEST", "found no terminal to ask in; allowed: --json, which prints the pairs to be graded elsewhere");
	await ask(cli, proposals, options.out);
}

async function propose(cli: Cli, file: string, options: Options): Promise<Proposal[]> {
	const texts = drawn([...new Set(readCorpus(file))], options.seed);
	if (texts.length < 2) throw new DakError("EMPTY_INPUT", `${file}: found ${texts.length} different texts; pairs take at least 2`);
	const models = [undefined, ...(options.adapter ?? [])];
	return cli.withClient(options, async (dak) => {
		const vectors = [];
		for (const adapter of models) {
			const onTexts = (done: number) =>
				cli.err.status(`  ${bar(done / texts.length)} ${done}/${texts.length} texts  ${adapter ?? "base"}`, false);
			vectors.push((await vectorsOf(dak, texts, { adapter, onTexts })).vectors);
		}
		if (cli.err.isTty) cli.err.status("", false);
		return proposePairs(vectors, options.count, options.seed).map(([a, b]) => ({ sentence1: texts[a]!, sentence2: texts[b]! }));
	});
}

function drawn(texts: string[], seed: number): string[] {
	return texts.length <= MOST_TEXTS ? texts : Random.for(seed, "texts").shuffle(texts).slice(0, MOST_TEXTS);
}

/** The same pair either way round. */
const keyOf = ({ sentence1, sentence2 }: Proposal): string => [sentence1, sentence2].sort().join("\u0000");

/** Pairs that the file has already. @throws INVALID_REQUEST for a file that holds something else */
function gradedIn(file: string): Set<string> {
	if (!existsSync(file)) return new Set();
	const lines = readFileSync(file, "utf8")
		.split("\n")
		.filter((line) => line.trim() !== "");
	return new Set(
		lines.map((line, i) => {
			try {
				const { sentence1, sentence2 } = JSON.parse(line) as Partial<Proposal>;
				if (typeof sentence1 === "string" && typeof sentence2 === "string") return keyOf({ sentence1, sentence2 });
			} catch {
				// Said below, with what is allowed.
			}
			throw new DakError(
				"INVALID_REQUEST",
				`${file}, line ${i + 1}: found no graded pair; allowed: a new file, or one of lines such as {"sentence1": "…", "sentence2": "…", "score": 4}`,
			);
		}),
	);
}

async function ask(cli: Cli, proposals: readonly Proposal[], out: string): Promise<void> {
	cli.out.line(`How alike in meaning, from 0 (not at all) to ${HIGHEST} (the same)? Return skips a pair, q ends.`);
	const prompt = createInterface({ input: process.stdin, output: process.stderr });
	let kept = 0;
	try {
		for (const [i, pair] of proposals.entries()) {
			cli.out.line(`\n${i + 1}/${proposals.length}\n  ${pair.sentence1}\n  ${pair.sentence2}`);
			const score = await scoreFrom(prompt);
			if (score === "end") break;
			if (score === "skip") continue;
			appendFileSync(out, `${JSON.stringify({ ...pair, score })}\n`);
			kept++;
		}
	} finally {
		prompt.close();
	}
	cli.out.line(`\n${kept} pairs kept in ${out}; next: dak eval ${out} --adapter NAME`);
}

async function scoreFrom(prompt: { question(text: string): Promise<string> }): Promise<number | "skip" | "end"> {
	for (;;) {
		const answer = (await prompt.question(`0 to ${HIGHEST}: `)).trim().toLowerCase();
		if (answer === "") return "skip";
		if (answer === "q") return "end";
		const score = Number(answer);
		if (Number.isFinite(score) && score >= 0 && score <= HIGHEST) return score;
	}
}
