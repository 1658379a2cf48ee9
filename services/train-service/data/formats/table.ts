/** CSV and TSV with a line of column names. */
import { Readable } from "node:stream";
import { DakError } from "@dak/shared/errors";
import { parse } from "csv-parse";
import { chooseText, type Fields, type TextChoice, type TextOf } from "./choice.js";
import { invalidData } from "./errors.js";
import type { DatasetFile } from "./format.js";
import { checkLength, type TextLimits, textPieces } from "./lines.js";

export async function* readTable(file: DatasetFile, choice: TextChoice, limits: TextLimits): AsyncGenerator<string> {
	let textOf: TextOf | undefined;
	const parser = parse({
		delimiter: file.format === "tsv" ? "\t" : ",",
		quote: file.format === "tsv" ? null : '"',
		bom: true,
		relax_column_count: true,
		skip_empty_lines: true,
		max_record_size: limits.maxTextBytes,
		columns: (header: string[]) => {
			textOf = chooseText(header, choice);
			return header.map((name) => (textOf!.columns.includes(name) ? name : undefined));
		},
	});
	const source = Readable.from(textPieces(file, limits));
	source.on("error", (error) => parser.destroy(error));
	let row = 1;
	try {
		for await (const record of source.pipe(parser)) {
			const text = textOf!(record as Fields, `row ${++row}`);
			checkLength(text, `row ${row}`, limits);
			yield text;
		}
	} catch (error) {
		throw error instanceof DakError ? error : invalidData(`found no ${file.format.toUpperCase()} table: ${(error as Error).message}`);
	} finally {
		source.destroy();
	}
}
