import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { configTable } from "@dak/shared/config";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("README's configuration table is the schema's (npm run build && node scripts/readme.mjs)", () => {
	expect(readme).toContain(configTable());
});

test("README links to files that are there", () => {
	const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map((match) => match[1]!);
	expect(links.length).toBeGreaterThan(3);
	for (const link of links) expect(existsSync(join(root, link)), link).toBe(true);
});
