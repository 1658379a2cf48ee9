/** The console's built files, read once: they are few and small, and no path of a request ever reaches the disk. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";

export interface BuiltFile {
	readonly contentType: string;
	readonly bytes: Buffer;
}

export interface BuiltFiles {
	readonly index: BuiltFile;
	/** By name; each name holds a hash of the content. */
	readonly assets: ReadonlyMap<string, BuiltFile>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
	".css": "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
};

const readFile = (path: string): BuiltFile => ({
	contentType: CONTENT_TYPES[extname(path)] ?? "application/octet-stream",
	bytes: readFileSync(path),
});

/** Where `vite build` has put them. */
function builtFolder(): string {
	return join(dirname(createRequire(import.meta.url).resolve("@dak/console/package.json")), "dist");
}

/** Undefined where the console is not built. */
export function builtFiles(folder = builtFolder()): BuiltFiles | undefined {
	if (!existsSync(join(folder, "index.html"))) return undefined;
	const assets = readdirSync(join(folder, "assets")).map((name): [string, BuiltFile] => [name, readFile(join(folder, "assets", name))]);
	return { index: readFile(join(folder, "index.html")), assets: new Map(assets) };
}
