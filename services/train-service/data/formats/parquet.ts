/** Parquet, a row group of the wanted columns at a time: what is held is one row group, not the file. */
import { type FileHandle, open } from "node:fs/promises";
import { DakError } from "@dak/shared/errors";
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { chooseText, type Fields, type TextChoice, type TextOf } from "./choice.js";
import { invalidData } from "./errors.js";
import type { DatasetFile } from "./format.js";
import { checkLength, type TextLimits, tooMuch } from "./lines.js";

/** Most bytes of the wanted columns in one row group, unpacked: writers make groups of 1 to 128 MiB. */
const MAX_GROUP_BYTES = 2 ** 30;

export async function* readParquet(file: DatasetFile, choice: TextChoice, limits: TextLimits): AsyncGenerator<string> {
	const handle = await open(file.path);
	try {
		const buffer = await asyncBuffer(handle);
		const metadata = await understood(() => parquetMetadataAsync(buffer));
		const textOf = chooseText(await understood(async () => textColumns(metadata, choice)), choice);
		yield* readGroups(buffer, metadata, textOf, limits);
	} finally {
		await handle.close();
	}
}

async function* readGroups(buffer: AsyncBuffer, metadata: FileMetaData, textOf: TextOf, limits: TextLimits): AsyncGenerator<string> {
	let rowStart = 0;
	let bytes = 0;
	for (const group of metadata.row_groups) {
		const rowEnd = rowStart + Number(group.num_rows);
		bytes += checkedSize(group, textOf.columns);
		if (bytes > limits.maxBytes) throw tooMuch(limits.maxBytes);
		const columns = [...textOf.columns];
		const rows = await understood(() => parquetReadObjects({ file: buffer, metadata, columns, rowStart, rowEnd, compressors }));
		for (const [i, row] of rows.entries()) {
			const where = `row ${rowStart + i + 1}`;
			const text = textOf(row as Fields, where);
			checkLength(text, where, limits);
			yield text;
		}
		rowStart = rowEnd;
	}
}

function checkedSize(group: FileMetaData["row_groups"][number], columns: readonly string[]): number {
	let bytes = 0;
	for (const { meta_data } of group.columns) {
		if (meta_data && columns.includes(meta_data.path_in_schema[0] ?? "")) bytes += Number(meta_data.total_uncompressed_size);
	}
	// Each row takes memory, however well nothing at all is packed.
	const held = Math.max(bytes, Number(group.num_rows));
	if (held > MAX_GROUP_BYTES)
		throw invalidData(`found a row group of ${held} bytes, allowed: ${MAX_GROUP_BYTES}; write it with smaller row groups`);
	return bytes;
}

/** Columns of texts; those of other kinds too where one is asked for by name. */
function textColumns(metadata: FileMetaData, { textColumn, textTemplate }: TextChoice): string[] {
	const named = textColumn !== undefined || textTemplate !== undefined;
	const { children } = parquetSchema(metadata);
	if (children.some(({ element }) => typeof element.name !== "string"))
		throw invalidData("found a damaged Parquet file: a column without a name");
	return children.filter(({ element }) => named || element.type === "BYTE_ARRAY").map(({ element }) => element.name);
}

async function asyncBuffer(handle: FileHandle): Promise<AsyncBuffer> {
	const { size } = await handle.stat();
	return {
		byteLength: size,
		slice: (start, end = size) => {
			const bytes = readBytes(handle, size, start, end);
			// The library asks for several places at once and waits for the first: a later one's failure must not end the process.
			bytes.catch(() => {});
			return bytes;
		},
	};
}

async function readBytes(handle: FileHandle, size: number, start: number, end: number): Promise<ArrayBuffer> {
	// Places are a stranger's numbers; bytes are only set aside for what the file has.
	if (!(start >= 0 && end >= start && end <= size)) throw new RangeError(`bytes ${start} to ${end} of ${size}`);
	const bytes = new ArrayBuffer(end - start);
	await handle.read(new Uint8Array(bytes), 0, end - start, start);
	return bytes;
}

/** The library's errors of any kind say that the file is not as it should be. */
async function understood<T>(read: () => Promise<T>): Promise<T> {
	try {
		return await read();
	} catch (error) {
		throw error instanceof DakError ? error : invalidData(`found a damaged Parquet file: ${(error as Error).message.slice(0, 200)}`);
	}
}
