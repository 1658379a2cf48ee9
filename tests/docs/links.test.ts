import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { pages, prose, readPage, root } from "./pages.js";

/** Targets inside the project: the path from its folder on, and the heading behind `#`. */
function linksOf(page: (typeof pages)[number]): { path: string; anchor: string | undefined }[] {
	return [...prose(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([, path, anchor]) => ({
		path: path === "" ? page.path : normalize(join(dirname(page.path), path!)),
		anchor,
	}));
}

/** Headings as GitHub makes anchors of them. */
const anchors = (path: string): string[] =>
	[...prose(readPage(path)).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
		title!
			.toLowerCase()
			.replace(/[^\p{L}\p{N} _-]/gu, "")
			.replaceAll(" ", "-"),
	);

test.each(pages.map((page) => [page.path, page] as const))("%s links to what is there", (_, page) => {
	for (const { path, anchor } of linksOf(page)) {
		expect(existsSync(join(root, path)), path).toBe(true);
		if (anchor !== undefined) expect(anchors(path), `${path}#${anchor}`).toContain(anchor);
	}
});

test("docs/README.md, or its folder's README, has every page of docs, and README.md has docs/README.md", () => {
	const indexes = pages.filter(({ path }) => path.startsWith("docs/") && path.endsWith("/README.md"));
	const listed = indexes.flatMap(linksOf).map(({ path }) => path);
	const there = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
	expect(there.filter((path) => !listed.includes(path))).toEqual([]);
	expect(linksOf(readPage("README.md")).map(({ path }) => path)).toContain("docs/README.md");
});
