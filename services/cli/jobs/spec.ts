/** A job's settings from a command line. */
import { basename } from "node:path";
import type { DakClient, DatasetSource, JobSpecJson } from "@dak/shared/client";
import { DakError } from "@dak/shared/errors";
import { type Command, InvalidArgumentError } from "commander";
import { asNumber } from "../command/index.js";
import { readCorpus, readLabelled } from "../evaluation/labelled-file.js";

export interface SpecOptions {
	readonly base: string;
	readonly name?: string;
	readonly textColumn?: string;
	readonly textTemplate?: string;
	readonly steps?: number;
	readonly epochs?: number;
	readonly rank?: number;
	readonly goal?: string;
	readonly device?: string;
	readonly publish?: string;
	readonly from?: string;
	readonly eval?: string;
	readonly corpus?: string;
	readonly set?: readonly Setting[];
}

interface Setting {
	readonly path: readonly string[];
	readonly value: unknown;
}

/** `training.batch_size=16`; what is no JSON is a string. */
function asSetting(text: string, before: readonly Setting[] = []): Setting[] {
	const [, path, value] = /^([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)=(.*)$/s.exec(text) ?? [];
	if (path === undefined || value === undefined)
		throw new InvalidArgumentError(`found ${JSON.stringify(text)}, allowed: a field of the job and its value, as training.batch_size=16`);
	try {
		return [...before, { path: path.split("."), value: JSON.parse(value) }];
	} catch {
		return [...before, { path: path.split("."), value }];
	}
}

export function withSpec(command: Command): Command {
	command.optionsGroup("Job:");
	return command
		.requiredOption("-b, --base <model>", "base model: a hub id, or a folder's name below DAK_MODELS_DIR")
		.option("-n, --name <adapter>", "the adapter's name; default: the job's id")
		.option("--text-column <column>", "column (CSV, TSV) or field (JSONL) that holds the text")
		.option("--text-template <template>", "a text of several columns, such as '{brand} {title}'")
		.option("--steps <count>", "training steps, in place of --epochs", asNumber)
		.option("--epochs <count>", "times that every text is seen", asNumber)
		.option("--rank <r>", "LoRA rank", asNumber)
		.option("--goal <goal>", "balanced, or same_item")
		.option("--eval <file>", "labelled queries that the adapter is measured with: JSONL of query and relevant")
		.option("--corpus <file>", "texts that those queries search, one a line")
		.option("--publish <when>", "always, if_not_worse or never")
		.option("--from <adapter>", "published adapter to go on from")
		.option("--device <device>", "auto, cuda, webgpu or cpu")
		.option("--set <field=value>", "any other field of the job, by its path; may be repeated", asSetting);
}

function put(target: Record<string, unknown>, { path, value }: Setting): void {
	const [last, ...parents] = [...path].reverse();
	let at = target;
	for (const name of parents.reverse()) {
		const inner = at[name];
		at[name] = typeof inner === "object" && inner !== null ? inner : {};
		at = at[name] as Record<string, unknown>;
	}
	at[last!] = value;
}

/** Only what was given: the service knows the defaults, and refuses what it does not know. */
export function jobSpec(options: SpecOptions, dataset: DatasetSource): JobSpecJson {
	const spec: Record<string, unknown> = { base_model: options.base, dataset };
	const given: [path: string, value: unknown][] = [
		["adapter_name", options.name],
		["text_column", options.textColumn],
		["text_template", options.textTemplate],
		["training.max_steps", options.steps],
		["training.epochs", options.epochs],
		["lora.r", options.rank],
		["goal", options.goal],
		["device", options.device],
		["publish", options.publish],
		["init_adapter", options.from],
		["evaluation", evaluationOf(options)],
	];
	for (const [path, value] of given) if (value !== undefined) put(spec, { path: path.split("."), value });
	for (const setting of options.set ?? []) put(spec, setting);
	return spec as JobSpecJson;
}

function evaluationOf({ eval: file, corpus }: SpecOptions): JobSpecJson["evaluation"] | undefined {
	if (file === undefined) {
		if (corpus !== undefined) throw new DakError("INVALID_REQUEST", "--corpus: found no --eval beside it; allowed: both");
		return undefined;
	}
	const { queries, pairs, categories, ...labelled } = readLabelled(file);
	return {
		queries,
		corpus: [...labelled.corpus, ...(corpus === undefined ? [] : readCorpus(corpus))],
		...(pairs.length > 0 ? { pairs } : {}),
		...(categories.length > 0 ? { categories } : {}),
	};
}

/** Uploads a file and returns what a job calls it by. */
export async function uploaded(dak: DakClient, file: string, { textColumn, textTemplate }: SpecOptions) {
	try {
		return await dak.datasets.uploadFile(file, { filename: basename(file), textColumn, textTemplate });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		throw new DakError("INVALID_REQUEST", `found no file ${file}`, { cause: error });
	}
}
