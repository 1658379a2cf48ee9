/** Labels as the job's `evaluation` has them, from a file: queries, graded pairs, texts of categories. */
import { readFileSync } from "node:fs";
import { DakError } from "@dak/shared/errors";
import { z } from "zod";

const label = z.string().min(1);

const querySchema = z.object({
	query: label,
	relevant: z.union([label.transform((text) => [text]), z.array(label).min(1)]),
});
const pairSchema = z.object({ sentence1: label, sentence2: label, score: z.number() });
const categorySchema = z.object({ text: label, category: label });

const setSchema = z
	.object({
		queries: z.array(querySchema).default([]),
		corpus: z.array(label).default([]),
		pairs: z.array(pairSchema).default([]),
		categories: z.array(categorySchema).default([]),
	})
	.refine(({ queries, pairs, categories }) => queries.length + pairs.length + categories.length > 0, "no labels");

export type LabelledData = z.output<typeof setSchema>;

/** What each kind of line is, by the list that it belongs to. */
const LINES = { queries: querySchema, pairs: pairSchema, categories: categorySchema } as const;

const ALLOWED =
	'{"query": "…", "relevant": ["…"]}, {"sentence1": "…", "sentence2": "…", "score": 0.8} or {"text": "…", "category": "…"} a line, or one {"queries": […], "corpus": […], "pairs": […], "categories": […]}';

function refuse(file: string, where: string, found: string): DakError {
	return new DakError("INVALID_REQUEST", `${file}${where}: found ${found}; allowed: ${ALLOWED}`);
}

function read(file: string): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
	} catch (cause) {
		const { code, message } = cause as NodeJS.ErrnoException;
		throw new DakError(
			"INVALID_REQUEST",
			code === "ENOENT" ? `found no file ${file}` : `${file} cannot be read as UTF-8 text: ${message}`,
			{ cause },
		);
	}
}

function asJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** A file that is one JSON value and no single line of labels. */
const isWhole = (value: unknown): boolean => typeof value === "object" && value !== null && listOf(value) === undefined;

function listOf(line: unknown): keyof typeof LINES | undefined {
	return (Object.keys(LINES) as (keyof typeof LINES)[]).find((name) => LINES[name].safeParse(line).success);
}

/** @throws DakError INVALID_REQUEST naming file and line, what was found and what is allowed */
export function readLabelled(file: string): LabelledData {
	const text = read(file);
	const whole = asJson(text);
	if (isWhole(whole)) {
		const set = setSchema.safeParse(Array.isArray(whole) ? collect(file, entriesOf(whole)) : whole);
		if (set.success) return set.data;
		const { path, message } = set.error.issues[0]!;
		throw refuse(file, "", path.length > 0 ? `${path.join("/")}: ${message}` : message);
	}
	const lines = text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [{ line, place: `, line ${i + 1}` }]));
	return collect(
		file,
		lines.map(({ line, place }) => ({ entry: asJson(line), shown: line, place })),
	);
}

interface Entry {
	readonly entry: unknown;
	readonly shown: string;
	/** In the file, for messages. */
	readonly place: string;
}

const entriesOf = (list: readonly unknown[]): Entry[] =>
	list.map((entry, i) => ({ entry, shown: JSON.stringify(entry), place: `, entry ${i + 1}` }));

/** Puts each entry into the list that it belongs to. */
function collect(file: string, entries: readonly Entry[]): LabelledData {
	const lists = { queries: [], pairs: [], categories: [] } as Record<keyof typeof LINES, unknown[]>;
	for (const { entry, shown, place } of entries) {
		const list = listOf(entry);
		if (!list) throw refuse(file, place, JSON.stringify(shown.slice(0, 60)));
		lists[list].push(entry);
	}
	const set = setSchema.safeParse(lists);
	if (!set.success) throw refuse(file, "", "no labels");
	return set.data;
}

/** Texts that are searched beside the relevant ones: one a line. */
export function readCorpus(file: string): string[] {
	return read(file)
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "");
}
