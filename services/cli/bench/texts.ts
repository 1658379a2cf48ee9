import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** The lines of a text file (gzip by its name) that are not blank. */
export function readLines(file: string): string[] {
	const bytes = readFileSync(file);
	const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
	return text
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "");
}
