/** The texts of dataset files, one after the other, whatever their format. */
import { createWriteStream, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { DakError } from "@dak/shared/errors";
import { type TextChoice, wrongChoice } from "./choice.js";
import type { DatasetFile } from "./format.js";
import { readJsonl } from "./jsonl.js";
import { linesOf, type TextLimits, tooMuch } from "./lines.js";
import { readParquet } from "./parquet.js";
import { readTable } from "./table.js";
import { unpackedBytes } from "./unpack.js";

export interface ReadOptions extends TextLimits, TextChoice {
	/** A path that may be written to for as long as the texts are read: Parquet within gzip or zstd is unpacked there. */
	readonly scratch: string;
}

/** Reads files one after the other. @throws INVALID_DATASET naming the file, the line, what was found and what is allowed */
export async function* readFiles(files: readonly DatasetFile[], options: ReadOptions): AsyncGenerator<string> {
	for (const file of files) {
		try {
			yield* readTexts(file, options);
		} catch (error) {
			throw file.label === undefined ? error : inFile(file.label, error);
		}
	}
}

function inFile(label: string, error: unknown): unknown {
	if (!(error instanceof DakError)) return error;
	const fields = error.fields.map((field) => ({ ...field, detail: `${label}: ${field.detail}` }));
	return new DakError(error.reason, `${label}: ${error.message}`, { fields, cause: error.cause });
}

function readTexts(file: DatasetFile, options: ReadOptions): AsyncGenerator<string> {
	if (file.format === "parquet")
		return file.compression === "none" ? readParquet(file, options, options) : readPackedParquet(file, options);
	if (file.format === "jsonl") return readJsonl(file, options, options);
	if (file.format === "text") return readPlain(file, options);
	return readTable(file, options, options);
}

async function* readPlain(file: DatasetFile, options: ReadOptions): AsyncGenerator<string> {
	const [pointer, wanted] =
		options.textTemplate === undefined
			? (["/text_column", options.textColumn] as const)
			: (["/text_template", options.textTemplate] as const);
	if (wanted !== undefined) throw wrongChoice(pointer, wanted, "a plain text file, which has no columns");
	for await (const { text } of linesOf(file, options)) yield text;
}

/** Parquet is read from its end, so it has to lie there unpacked. */
async function* readPackedParquet(file: DatasetFile, options: ReadOptions): AsyncGenerator<string> {
	const path = `${options.scratch}.parquet`;
	try {
		await pipeline(() => bounded(unpackedBytes(file), options.maxBytes), createWriteStream(path));
		yield* readParquet({ path, format: "parquet", compression: "none" }, options, options);
	} finally {
		rmSync(path, { force: true });
	}
}

async function* bounded(pieces: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
	let bytes = 0;
	for await (const piece of pieces) {
		bytes += piece.length;
		if (bytes > maxBytes) throw tooMuch(maxBytes);
		yield piece;
	}
}
