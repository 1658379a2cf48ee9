import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { filesAt } from "../source.js";
import { datasetFile, type ReadOptions, readFiles } from "./index.js";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-formats-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

type Choice = Pick<ReadOptions, "textColumn" | "textTemplate">;

function write(name: string, content: string | Uint8Array): string {
	const path = join(folder, name);
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, content);
	return path;
}

const options = (choice: Choice = {}): ReadOptions => ({
	...choice,
	maxTextBytes: 1000,
	maxBytes: 100_000,
	scratch: join(folder, ".scratch"),
});

async function read(path: string, choice: Choice = {}): Promise<string[]> {
	const texts: string[] = [];
	for await (const text of readFiles([datasetFile(path)], options(choice))) texts.push(text);
	return texts;
}

/** Frames as the zstd program writes them: 1 KiB window, one raw block each. @source RFC 8878 */
function zstdOf(...parts: (string | Uint8Array)[]): Buffer {
	return Buffer.concat(
		parts.map((part) => {
			const bytes = Buffer.from(part);
			const block = Buffer.alloc(3);
			block.writeUIntLE((bytes.length << 3) | 1, 0, 3);
			return Buffer.concat([Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x58), block, bytes]);
		}),
	);
}

const parquet = (columns: Record<string, unknown[]>): Uint8Array =>
	new Uint8Array(
		parquetWriteBuffer({
			columnData: Object.entries(columns).map(([name, data]) => ({ name, data })),
			rowGroupSize: 2,
		}),
	);

const TEXTS = ["red hat", 'a "blue" hat', "шапка, 帽子", "red hat"];

const FORMATS: [name: string, content: string | Uint8Array, choice: Choice | undefined][] = [
	["a.txt", `\uFEFF${TEXTS.join("\r\n")}`, undefined],
	["a", TEXTS.join("\n"), undefined],
	["a.jsonl", TEXTS.map((text, i) => JSON.stringify(i % 2 ? text : { text, n: i })).join("\n"), undefined],
	["a.jsonl", TEXTS.map((text) => JSON.stringify({ title: text, other: "x" })).join("\n"), { textColumn: "title" }],
	["a.csv", `id,text\n${TEXTS.map((text, i) => `${i},"${text.replaceAll('"', '""')}"`).join("\n")}`, undefined],
	["a.tsv", `id\ttitle\n${TEXTS.map((text, i) => `${i}\t${text}`).join("\n")}`, { textColumn: "title" }],
	["a.parquet", parquet({ id: [1, 2, 3, 4], text: TEXTS }), undefined],
	["no-name-that-says-so", parquet({ text: TEXTS }), undefined],
];

describe("every format, packed in every way, gives the same texts", () => {
	test.each(FORMATS)("%s", async (name, content, choice) => {
		expect(await read(write(name, content), choice)).toEqual(TEXTS);
		if (!name.includes(".")) return;
		expect(await read(write(`${name}.gz`, gzipSync(content)), choice)).toEqual(TEXTS);
		expect(await read(write(`${name}.zst`, zstdOf(content)), choice)).toEqual(TEXTS);
		expect(readdirSync(folder)).toHaveLength(3);
	});
});

test("a zstd file of several frames is read to its end", async () => {
	expect(await read(write("a.txt.zst", zstdOf("red ", "hat\nblue", " hat\n")))).toEqual(["red hat", "blue hat"]);
});

describe("a template makes a text of several columns", () => {
	const textTemplate = "{brand}: {title} {{new}}";
	test.each([
		["a.csv", "brand,title,price\nAcme,hat,1\n,cap,2\n"],
		["a.jsonl", '{"brand":"Acme","title":"hat"}\n{"brand":null,"title":"cap"}\n'],
		["a.parquet", parquet({ brand: ["Acme", null], title: ["hat", "cap"] })],
	])("in %s", async (name, content) => {
		expect(await read(write(name, content), { textTemplate })).toEqual(["Acme: hat {new}", ": cap {new}"]);
	});

	test("and numbers are written as they are", async () => {
		expect(await read(write("a.jsonl", '{"a":"x","n":1.5}\n'), { textTemplate: "{a} {n}" })).toEqual(["x 1.5"]);
	});

	test("and a column that is not there is named", async () => {
		await expect(read(write("a.csv", "brand,title\nAcme,hat\n"), { textTemplate: "{brand} {titel}" })).rejects.toMatchObject({
			fields: [{ pointer: "/text_template", detail: expect.stringMatching(/"titel"; the data has the columns "brand", "title"/) }],
		});
	});
});

describe("a folder is read file by file", () => {
	async function readFolder(path: string): Promise<string[]> {
		const texts: string[] = [];
		for await (const text of readFiles(filesAt(folder, path), options())) texts.push(text);
		return texts;
	}

	test("by name, folders within too, and what is no data is passed over", async () => {
		write("set/b.csv", "text\nthird\n");
		write("set/a/1.txt.gz", gzipSync("first\nsecond\n"));
		write("set/README.md", "no text");
		write("set/.hidden.txt", "no text");
		expect(await readFolder("set")).toEqual(["first", "second", "third"]);
	});

	test("and an error names the file", async () => {
		write("set/a.jsonl", '"x"\n{\n');
		await expect(readFolder("set")).rejects.toMatchObject({ message: expect.stringMatching(/a\.jsonl: .*no JSON at line 2/) });
	});

	test("and a link that leads out of it is refused, as is a folder without data", async () => {
		write("outside.txt", "secret\n");
		mkdirSync(join(folder, "set"));
		expect(() => filesAt(folder, "set")).toThrow("found no data file");
		symlinkSync(join(folder, "outside.txt"), join(folder, "set", "a.txt"));
		expect(() => filesAt(folder, "set")).toThrow("leaves its root");
	});
});

describe("what cannot be read is refused with what was found, and leaves nothing", () => {
	const table = parquet({ text: TEXTS });
	test.each<[name: string, content: string | Uint8Array, message: string]>([
		["binary.txt", Uint8Array.of(80, 75, 3, 4, 0, 0, 10, 65), "NUL byte"],
		["latin1.txt", Uint8Array.of(104, 252, 116, 10, 97, 10), "no UTF-8"],
		["long.txt", `a\n${"x".repeat(5000)}\nb\n`, "more than 1000 bytes at line 2"],
		["long.csv", `text\n${"x".repeat(5000)}\n`, "1000"],
		["long.parquet", parquet({ text: ["a", "b", "x".repeat(5000)] }), "more than 1000 bytes at row 3"],
		["column.csv", "id,title\n1,a\n", 'the columns "id", "title"'],
		["column.parquet", parquet({ a: ["x"], b: ["y"] }), 'the columns "a", "b"'],
		["broken.jsonl", '{"text":"a"}\n{"text":\n', "no JSON at line 2"],
		["field.jsonl", '{"text":5}\n', "the data has the columns"],
		["damaged.txt.gz", gzipSync("a\nb\n").subarray(0, 14), "damaged gzip"],
		["damaged.txt.zst", zstdOf("red hat\n").subarray(0, 12), "damaged zstd"],
		["window.txt.zst", Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0), "window"],
		["bomb.txt.gz", gzipSync("a b\n".repeat(100_000)), "after unpacking"],
		["bomb.txt.zst", zstdOf(...Array.from({ length: 20 }, () => "a b\n".repeat(2000))), "after unpacking"],
		["cut.parquet", table.subarray(0, table.length - 20), "damaged Parquet"],
		["short.parquet", Uint8Array.of(80, 65, 82, 49, 1), "damaged Parquet"],
		["damaged.parquet", table.map((byte, i) => (i > 8 && i < 60 ? byte ^ 0x5a : byte)), "damaged Parquet"],
		["bomb.parquet.gz", gzipSync(Buffer.concat([Buffer.from("PAR1"), Buffer.alloc(1_000_000)])), "after unpacking"],
	])("%s", async (name, content, message) => {
		const path = write(name, content);
		await expect(read(path)).rejects.toMatchObject({ reason: "INVALID_DATASET", message: expect.stringContaining(message) });
		expect(readdirSync(folder)).toEqual([name]);
	});
});

test("a Parquet file whose places are no numbers is refused, and nothing of the library's is left to fail later", async () => {
	const file = join(import.meta.dirname, "fixtures", "nan-offsets.parquet");
	for (const choice of [{ textColumn: "brand" }, { textTemplate: "{brand} {title}" }])
		await expect(read(file, choice), JSON.stringify(choice)).rejects.toMatchObject({ reason: "INVALID_DATASET" });
	// What is left to fail does so after the answer.
	await new Promise((resolve) => setTimeout(resolve, 50));
});
