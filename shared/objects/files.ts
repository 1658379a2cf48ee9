import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { FolderFile } from "./types.js";

/** All files below a folder. */
export function filesOf(folder: string): FolderFile[] {
	const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile())
		.map((entry) => {
			const file = join(entry.parentPath, entry.name);
			return { file, path: relative(folder, file).split(sep).join("/") };
		})
		.sort((a, b) => (a.path < b.path ? -1 : 1));
}
