/** The texts of a dataset file, one after the other. */
import { Readable } from "node:stream";
import { DakError } from "@dak/shared/errors";
import { parse } from "csv-parse";
import type { DatasetFile } from "./format.js";
import { invalidData, linesOf, type TextLimits, textPieces } from "./lines.js";

export interface ReadOptions extends TextLimits {
	/** Column or field that holds the text; unset: `text`, or the only one. */
	readonly textColumn?: string | undefined;
}

/** @throws INVALID_DATASET naming the line, what was found and what is allowed */
export function readTexts(file: DatasetFile, options: ReadOptions): AsyncGenerator<string> {
	if (file.format === "jsonl") return readJsonl(file, options);
	if (file.format === "text") return readPlain(file, options);
	return readTable(file, options);
}

async function* readPlain(file: DatasetFile, options: ReadOptions): AsyncGenerator<string> {
	if (options.textColumn !== undefined) throw wrongColumn(options.textColumn, "a plain text file, which has no columns");
	for await (const { text } of linesOf(file, options)) yield text;
}

function wrongColumn(wanted: string | undefined, found: string): DakError {
	const detail = `found ${wanted === undefined ? "none" : JSON.stringify(wanted)}; the data has ${found}`;
	return new DakError("INVALID_DATASET", `/text_column: ${detail}`, { fields: [{ pointer: "/text_column", detail }] });
}

/** The column to read: the one asked for, else `text`, else the only one there is. */
function chooseColumn(columns: readonly string[], wanted: string | undefined): string {
	const chosen = wanted ?? (columns.includes("text") ? "text" : columns.length === 1 ? columns[0] : undefined);
	if (chosen === undefined || !columns.includes(chosen)) {
		throw wrongColumn(
			wanted,
			`the columns ${columns
				.slice(0, 50)
				.map((name) => JSON.stringify(name.slice(0, 80)))
				.join(", ")}`,
		);
	}
	return chosen;
}

async function* readJsonl(file: DatasetFile, options: ReadOptions): AsyncGenerator<string> {
	for await (const { number, text } of linesOf(file, options)) {
		if (text.trim() === "") continue;
		let record: unknown;
		try {
			record = JSON.parse(text);
		} catch {
			throw invalidData(`found no JSON at line ${number}: ${JSON.stringify(text.slice(0, 60))}`);
		}
		yield textOf(record, number, options.textColumn);
	}
}

function textOf(record: unknown, line: number, wanted: string | undefined): string {
	if (typeof record === "string") return record;
	if (typeof record !== "object" || record === null || Array.isArray(record))
		throw invalidData(`found ${JSON.stringify(record).slice(0, 60)} at line ${line}; allowed: a string or an object`);
	const fields = Object.keys(record).filter((key) => wanted !== undefined || typeof (record as Record<string, unknown>)[key] === "string");
	const value = (record as Record<string, unknown>)[chooseColumn(fields, wanted)];
	if (typeof value !== "string") throw invalidData(`found ${JSON.stringify(value)?.slice(0, 60)} at line ${line}; allowed: a string`);
	return value;
}

async function* readTable(file: DatasetFile, options: ReadOptions): AsyncGenerator<string> {
	let column: string | undefined;
	const parser = parse({
		delimiter: file.format === "tsv" ? "\t" : ",",
		quote: file.format === "tsv" ? null : '"',
		bom: true,
		relax_column_count: true,
		skip_empty_lines: true,
		max_record_size: options.maxTextBytes,
		columns: (header: string[]) => {
			column = chooseColumn(header, options.textColumn);
			return header;
		},
	});
	const source = Readable.from(textPieces(file, options));
	source.on("error", (error) => parser.destroy(error));
	try {
		for await (const record of source.pipe(parser)) yield String((record as Record<string, string>)[column!] ?? "");
	} catch (error) {
		throw error instanceof DakError ? error : invalidData(`found no ${file.format.toUpperCase()} table: ${(error as Error).message}`);
	} finally {
		source.destroy();
	}
}
