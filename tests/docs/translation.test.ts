import { expect, test } from "vitest";
import { type Page, prose, readPage } from "./pages.js";

const [english, russian] = [readPage("README.md"), readPage("README.ru.md")];
const levels = (page: Page): string[] => [...prose(page).matchAll(/^(#+) /gm)].map(([, marks]) => marks!);
const targets = (page: Page): string[] => [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!).sort();

test("README.ru.md has README.md's headings, blocks of code and links (node scripts/readme.mjs copies the blocks)", () => {
	expect(levels(russian)).toEqual(levels(english));
	expect(russian.blocks).toEqual(english.blocks);
	const others = (page: Page) => targets(page).filter((target) => !/^README(\.ru)?\.md$/.test(target));
	expect(others(russian)).toEqual(others(english));
});
