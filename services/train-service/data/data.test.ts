import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { datasetFile, prepareDataset } from "./index.js";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-data-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const LIMITS = { maxTextBytes: 1000, maxBytes: 100_000 };

async function prepare(name: string, content: string | Uint8Array, textColumn?: string) {
	const path = join(folder, name);
	writeFileSync(path, content);
	const out = join(folder, "out.jsonl");
	const statistics = await prepareDataset(datasetFile(path), out, { ...LIMITS, textColumn });
	const texts = readFileSync(out, "utf8")
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as string);
	return { statistics, texts };
}

describe("every format gives the same texts", () => {
	test.each([
		["a.txt", "\uFEFFred hat\r\n\r\nblue  hat\nred hat\n", undefined],
		["a.jsonl", '{"text":"red hat"}\n"blue hat"\n{"text":"red hat","n":1}\n', undefined],
		["a.jsonl", '{"title":"red hat","n":1}\n{"title":"blue hat","n":2}\n', "title"],
		["a.csv", 'id,text\n1,"red hat"\n2,"blue\n hat"\n3,red hat\n', undefined],
		["a.tsv", "id\ttitle\n1\tred hat\n2\tblue hat\n", "title"],
	])("%s", async (name, content, column) => {
		expect((await prepare(name, content, column)).texts).toEqual(["red hat", "blue hat"]);
		expect((await prepare(`${name}.gz`, gzipSync(content), column)).texts).toEqual(["red hat", "blue hat"]);
	});
});

test("statistics count what was left out", async () => {
	const { statistics } = await prepare("a.txt", "red hat\n\nblue hat\nred hat\n  \n");
	expect(statistics).toMatchObject({ texts: 2, duplicates_removed: 1, blank_removed: 2, characters: { min: 7, max: 8 } });
	expect(statistics.warnings[0]).toContain("few");
});

describe("unusable data is refused with what was found, and nothing half-written stays", () => {
	test.each([
		["empty.txt", "", "found 0 different texts"],
		["one.txt", "only\nonly\n", "found 1 different text,"],
		["binary.txt", Uint8Array.of(80, 75, 3, 4, 0, 0, 10, 65), "NUL byte"],
		["latin1.txt", Uint8Array.of(104, 252, 116, 10, 97, 10), "no UTF-8"],
		["long.txt", `a\n${"x".repeat(5000)}\nb\n`, "more than 1000 bytes at line 2"],
		["column.csv", "id,title\n1,a\n", 'the columns "id", "title"'],
		["broken.jsonl", '{"text":"a"}\n{"text":\n', "no JSON at line 2"],
		["field.jsonl", '{"text":5}\n', "the data has the columns"],
		["damaged.txt.gz", gzipSync("a\nb\n").subarray(0, 14), "damaged gzip"],
		["bomb.txt.gz", gzipSync("a b\n".repeat(100_000)), "after unpacking"],
	])("%s", async (name, content, message) => {
		await expect(prepare(name, content)).rejects.toMatchObject({ reason: "INVALID_DATASET", message: expect.stringContaining(message) });
		expect(readdirSync(folder)).toEqual([name]);
	});
});
