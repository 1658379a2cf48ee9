/** `dak embed` and `dak similarity`: texts through embed-service. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { DakError } from "@dak/shared/errors";
import type { Command } from "commander";
import { asCount, type Cli, type Connection, leaf, withConnection } from "../command/index.js";
import { bar } from "../terminal.js";

interface TextOptions extends Connection {
	readonly adapter?: string;
	readonly prompt?: string;
	readonly truncate: boolean;
	readonly json?: true;
}

function withTextOptions(command: Command): Command {
	return command
		.option("-a, --adapter <name>", "through this adapter; default: the base model")
		.option("--prompt <name>", "one of the base model's prompts, such as query")
		.option("--no-truncate", "refuse texts that are too long, in place of cutting them");
}

const settingsOf = ({ adapter, prompt, truncate }: TextOptions) => ({ adapter, promptName: prompt, truncate });

export function addTexts(cli: Cli, program: Command): void {
	const embedCommand = withTextOptions(
		leaf(program, {
			usage: "embed [texts...]",
			description: "vectors of texts, or of a file's lines; - reads standard input",
			example: 'dak embed "hex bolt m8 zinc" --adapter titles',
			json: "print {text, vector} lines in place of bare vectors",
		}),
	)
		.option("-f, --file <file>", "texts, one a line")
		.option("--dimensions <count>", "keep the first so many", asCount);
	withConnection(embedCommand, ["embed"]).action((texts: string[], options: EmbedCommand) => embed(cli, texts, options));
	const similarity = withTextOptions(
		leaf(program, {
			usage: "similarity <source> <sentences...>",
			description: "cosine of one text and each of others, the most alike first",
			example: 'dak similarity "allen bolt m8" "socket head cap screw M8" "o-ring 8x2" --adapter titles',
			json: "print [{text, similarity}], in the order given",
		}),
	);
	withConnection(similarity, ["embed"]).action((source: string, sentences: string[], options: TextOptions) =>
		cli.withClient(options, async (dak) => {
			const values = await dak.similarity(source, sentences, settingsOf(options));
			const rows = sentences.map((text, i) => ({ text, similarity: values[i]! }));
			if (options.json) return cli.json(rows);
			for (const row of rows.sort((a, b) => b.similarity - a.similarity))
				cli.out.line(`${row.similarity.toFixed(4)}  ${cli.out.dim(bar(row.similarity, 12))}  ${row.text}`);
		}),
	);
}

type EmbedCommand = TextOptions & { readonly file?: string; readonly dimensions?: number };

/** A file's lines as they are read; blank ones have no vector. */
async function* linesOf(file: string): AsyncGenerator<string> {
	const input: Readable = file === "-" ? process.stdin : createReadStream(file);
	const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
	// readline loses the error of what it reads.
	const failed = new Promise<never>((_, reject) =>
		input.once("error", (error: NodeJS.ErrnoException) =>
			reject(error.code === "ENOENT" ? new DakError("INVALID_REQUEST", `found no file ${file}`, { cause: error }) : error),
		),
	);
	failed.catch(() => {});
	const each = lines[Symbol.asyncIterator]();
	for (;;) {
		const next = await Promise.race([each.next(), failed]);
		if (next.done) return;
		if (next.value.trim() !== "") yield next.value;
	}
}

async function embed(cli: Cli, texts: string[], options: EmbedCommand): Promise<void> {
	const file = options.file ?? (texts.length === 1 && texts[0] === "-" ? "-" : undefined);
	if (file === undefined && texts.length === 0)
		throw new DakError("EMPTY_INPUT", "found no texts; allowed: texts as arguments, --file FILE, or - for standard input");
	await cli.withClient(options, async (dak) => {
		const sent: string[] = [];
		const source = async function* () {
			for await (const text of file === undefined ? texts : linesOf(file)) {
				if (options.json) sent.push(text);
				yield text;
			}
		};
		const settings = { ...settingsOf(options), dimensions: options.dimensions };
		for await (const { vectors } of dak.embeddings.stream(source(), settings))
			for (const vector of vectors) cli.json(options.json ? { text: sent.shift(), vector: [...vector] } : [...vector]);
	});
}
