/** `dak adapters`: what embed-service serves, and adapters' folders. */
import type { AdapterJson } from "@dak/shared/client";
import { Command, Option } from "commander";
import { type Cli, type Connection, leaf, table, withConnection } from "../command/index.js";
import { mib } from "../terminal.js";
import { comparison, printComparison } from "./compare.js";
import { FORMATS, type Format, fetchOutput, jobOfAdapter } from "./fetch.js";
import { inspection, printInspection } from "./inspect.js";
import { locate } from "./locate.js";
import { type PushOptions, pushOutput } from "./push.js";

type Options = Connection & { readonly json?: true };

export function adaptersCommand(cli: Cli): Command {
	const adapters = new Command("adapters").description("adapters that embed-service serves, and adapters' folders");
	addServing(cli, adapters);
	addReading(cli, adapters);
	addOutputs(cli, adapters);
	return adapters;
}

const line = ({ name, generation, rank, bytes, source }: AdapterJson): string =>
	`${name}@${generation}  r ${rank}, ${mib(bytes)}, from ${source}`;

function addServing(cli: Cli, adapters: Command): void {
	withConnection(
		leaf(adapters, {
			usage: "list",
			description: "adapters that are served",
			example: "dak adapters list",
			json: "print them as a JSON array",
		}),
		["embed"],
	).action((options: Options) =>
		cli.withClient(options, async (dak) => {
			const found = await dak.adapters.list();
			if (options.json) return cli.json(found);
			if (found.length === 0) return cli.out.line("no adapters are served");
			const rows = found.map(({ name, generation, rank, bytes, resident, source }) => [
				name,
				String(generation),
				String(rank),
				mib(bytes),
				resident ? "memory" : "disk",
				source,
			]);
			for (const row of table(["name", "generation", "rank", "size", "in", "source"], rows)) cli.out.line(row);
		}),
	);
	withConnection(
		leaf(adapters, {
			usage: "load <name>",
			description: "serve an adapter, or a new generation of it",
			example: "dak adapters load titles --job job_01m86mecswp1scc14nts",
			json: "print the adapter as JSON",
		})
			.addOption(new Option("--path <folder>", "a folder below the artifact root").conflicts("job"))
			.option("--job <id>", "what this job published; without either, the newest that was published under the name"),
		["embed"],
	).action((name: string, options: Options & { path?: string; job?: string }) =>
		cli.withClient(options, async (dak) => {
			const source = options.path !== undefined ? { path: options.path } : options.job !== undefined ? { job_id: options.job } : undefined;
			const loaded = await dak.adapters.load(name, source);
			if (options.json) cli.json(loaded);
			else cli.out.line(line(loaded));
		}),
	);
	withConnection(
		leaf(adapters, {
			usage: "unload <name>",
			description: "stop serving an adapter; its files stay",
			example: "dak adapters unload titles",
			json: "print what was unloaded as JSON",
		}),
		["embed"],
	).action((name: string, options: Options) =>
		cli.withClient(options, async (dak) => {
			await dak.adapters.unload(name);
			if (options.json) cli.json({ unloaded: name });
			else cli.out.line(`${name} is no longer served`);
		}),
	);
}

function addReading(cli: Cli, adapters: Command): void {
	withConnection(
		leaf(adapters, {
			usage: "inspect <adapter>",
			description: "rank, modules and the size of what each layer adds; of a folder or a name",
			example: "dak adapters inspect ./my-adapter",
			json: "print the same as JSON",
		}),
		["train", "embed"],
	).action(async (ref: string, options: Options) => {
		const located = await locate(cli, options, ref);
		if (options.json) cli.json(inspection(located));
		else printInspection(cli.out, located);
	});
	withConnection(
		leaf(adapters, {
			usage: "compare <a> <b>",
			description: "how alike two adapters are: the cosine between what they add to each layer",
			example: "dak adapters compare titles ./my-adapter",
			json: "print the same as JSON",
		}),
		["train", "embed"],
	).action(async (a: string, b: string, options: Options) => {
		const [first, second] = [await locate(cli, options, a), await locate(cli, options, b)];
		if (options.json) cli.json(comparison(first, second));
		else printComparison(cli.out, first, second);
	});
}

async function exportTo(cli: Cli, name: string, format: Format, { out, ...options }: Options & { out: string }): Promise<void> {
	await cli.withClient(options, async (dak) => {
		const { files, bytes } = await fetchOutput(dak, await jobOfAdapter(dak, name), format, out);
		if (options.json) cli.json({ adapter: name, format, folder: out, files, bytes });
		else cli.out.line(`${out}: ${files} files, ${mib(bytes)}`);
	});
}

function addOutputs(cli: Cli, adapters: Command): void {
	withConnection(
		leaf(adapters, {
			usage: "export <name>",
			description: "write an adapter's folder, as PEFT and sentence-transformers read it, or another output of its job",
			example: "dak adapters export titles --out ./titles-adapter",
			json: "print what was written as JSON",
		})
			.requiredOption("-o, --out <folder>", "where to; must not be there yet")
			.addOption(new Option("--format <format>", "what of it").choices(Object.keys(FORMATS)).default("peft")),
		["train", "embed"],
	).action((name: string, { format, ...options }: Options & { out: string; format: Format }) => exportTo(cli, name, format, options));
	withConnection(
		leaf(adapters, {
			usage: "merge <name>",
			description: "write the model with the adapter merged in, which its job put out (output.merged_model)",
			example: "dak adapters merge titles --out ./titles-model",
			json: "print what was written as JSON",
		}).requiredOption("-o, --out <folder>", "where to; must not be there yet"),
		["train", "embed"],
	).action((name: string, options: Options & { out: string }) => exportTo(cli, name, "merged", options));
	withConnection(
		leaf(adapters, {
			usage: "push <name>",
			description: "put an adapter's folder, or another output of its job, into a repository of the hub (HF_TOKEN)",
			example: "dak adapters push titles --repo me/titles --format merged",
			json: "print where it is as JSON",
		})
			.requiredOption("--repo <owner/name>", "where to; made where it is not there yet")
			.option("--public", "a repository that is made is seen by everyone")
			.addOption(new Option("--format <format>", "what of it").choices(Object.keys(FORMATS)).default("peft")),
		["train", "embed"],
	).action((name: string, options: PushOptions) => pushOutput(cli, name, options));
}
