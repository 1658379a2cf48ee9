import { expect, test } from "vitest";
import { makeCorpus } from "./corpus/corpus.js";
import { ownCorpus, userFile } from "./data.js";

const corpus = ownCorpus();

test("the committed corpus is what the generator makes", () => {
	const { texts, pairs } = makeCorpus();
	expect(corpus.texts).toEqual(texts);
	expect(corpus.pairs).toEqual(pairs);
});

test("texts are a few thousand and each is there once", () => {
	expect(new Set(corpus.texts).size).toBe(corpus.texts.length);
	expect(corpus.texts.length).toBeGreaterThan(3000);
	expect(corpus.texts.every((text) => text === text.trim() && text.length > 5)).toBe(true);
});

test("queries are held out, and what answers them can be found", () => {
	const texts = new Set(corpus.texts.map((text) => text.toLowerCase()));
	const catalogue = new Set(corpus.catalogue);
	expect(corpus.pairs.length).toBeGreaterThanOrEqual(300);
	for (const { query, relevant } of corpus.pairs) {
		expect(texts.has(query.toLowerCase()), query).toBe(false);
		expect(relevant.length).toBeGreaterThan(0);
		for (const title of relevant) expect(catalogue.has(title), title).toBe(true);
	}
});

test("the catalogue is the house's titles alone: noun, facts, brand and part number", () => {
	for (const title of corpus.catalogue) expect(title).toMatch(/^[A-Z][\w -]+ .+ - [A-Z]\w+ [A-Z]{2}\d{4}(-[AB]|\/2|N|X)?$/);
});

test("a file that is not there is refused by its name", () => {
	expect(() => userFile("/nowhere/titles.txt")).toThrow("--data: found no file /nowhere/titles.txt");
	expect(userFile(import.meta.filename)).toMatchObject({ kind: "user", label: "data.test.ts" });
});
