/** What kind of file a dataset is: by its name, and by its first bytes. */
import { closeSync, openSync, readSync } from "node:fs";

export type DatasetFormat = "text" | "jsonl" | "csv" | "tsv" | "parquet";
export type Compression = "none" | "gzip" | "zstd";

export interface DatasetFile {
	readonly path: string;
	readonly format: DatasetFormat;
	readonly compression: Compression;
	/** What messages call it, where there are several. */
	readonly label?: string | undefined;
}

const BY_EXTENSION: Readonly<Record<string, DatasetFormat>> = {
	txt: "text",
	text: "text",
	jsonl: "jsonl",
	ndjson: "jsonl",
	csv: "csv",
	tsv: "tsv",
	tab: "tsv",
	parquet: "parquet",
};

/** Extensions that are understood, each also with .gz or .zst. */
export const EXTENSIONS: readonly string[] = Object.keys(BY_EXTENSION);

const MAGIC: readonly (readonly [bytes: readonly number[], compression: Compression])[] = [
	[[0x1f, 0x8b], "gzip"],
	[[0x28, 0xb5, 0x2f, 0xfd], "zstd"],
];
const PARQUET_MAGIC = "PAR1";

function firstBytes(path: string): Buffer {
	const start = Buffer.alloc(4);
	const descriptor = openSync(path, "r");
	try {
		return start.subarray(0, readSync(descriptor, start));
	} finally {
		closeSync(descriptor);
	}
}

/** The format that a file's name says; undefined where it says none. */
export function formatByName(name: string): DatasetFormat | undefined {
	const extension = /\.([a-z]+)(?:\.(?:gz|zst))?$/i.exec(name)?.[1]?.toLowerCase();
	return extension === undefined ? undefined : BY_EXTENSION[extension];
}

/** Tells the format of a file from the name that its owner gave it; a name without a known extension is plain text, or Parquet by its content. */
export function datasetFile(path: string, name: string = path): DatasetFile {
	const start = firstBytes(path);
	const compression = MAGIC.find(([bytes]) => bytes.every((byte, i) => start[i] === byte))?.[1] ?? "none";
	return { path, format: start.toString("latin1") === PARQUET_MAGIC ? "parquet" : (formatByName(name) ?? "text"), compression };
}
