/** The project's Markdown pages, and what of them can be checked. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Block {
	/** What stands behind the opening fence; "" where nothing does. */
	readonly language: string;
	readonly text: string;
}

export interface Page {
	/** Relative to the project's folder, with slashes. */
	readonly path: string;
	readonly text: string;
	readonly blocks: readonly Block[];
}

const FENCE = /^```([a-z]*)\n([\s\S]*?)^```$/gm;

export function readPage(path: string): Page {
	const text = readFileSync(join(root, path), "utf8");
	return { path, text, blocks: [...text.matchAll(FENCE)].map(([, language, body]) => ({ language: language!, text: body! })) };
}

/** README in each language, CONTRIBUTING, and everything in docs. */
export const pages: readonly Page[] = [
	...["README.md", "README.ru.md", "CONTRIBUTING.md", "examples/README.md"],
	...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".md"))
		.map((name) => `docs/${name.replaceAll("\\", "/")}`)
		.sort(),
].map(readPage);

/** The page without its blocks of code. */
export const prose = ({ text }: Page): string => text.replaceAll(FENCE, "");
