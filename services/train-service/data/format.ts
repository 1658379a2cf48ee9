/** What kind of file a dataset is: by its name, and by its first bytes. */
import { closeSync, openSync, readSync } from "node:fs";

export type DatasetFormat = "text" | "jsonl" | "csv" | "tsv";

export interface DatasetFile {
	readonly path: string;
	readonly format: DatasetFormat;
	readonly gzip: boolean;
}

const BY_EXTENSION: Readonly<Record<string, DatasetFormat>> = {
	txt: "text",
	text: "text",
	jsonl: "jsonl",
	ndjson: "jsonl",
	csv: "csv",
	tsv: "tsv",
	tab: "tsv",
};

/** Extensions that are understood, each also with .gz. */
export const EXTENSIONS: readonly string[] = Object.keys(BY_EXTENSION);

function startsWithGzip(path: string): boolean {
	const start = new Uint8Array(2);
	const descriptor = openSync(path, "r");
	try {
		return readSync(descriptor, start) === 2 && start[0] === 0x1f && start[1] === 0x8b;
	} finally {
		closeSync(descriptor);
	}
}

/** Tells the format of a file from the name that its owner gave it; a name without a known extension is plain text. */
export function datasetFile(path: string, name: string = path): DatasetFile {
	const extension = /\.([a-z]+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? "";
	return { path, format: BY_EXTENSION[extension] ?? "text", gzip: startsWithGzip(path) };
}
