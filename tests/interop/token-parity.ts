/**
 * Compares token ids and offsets with the Python library's on a text file, and with --sweep on every character of Unicode:
 *   npx tsx --conditions=@dak/source tests/interop/token-parity.ts --base DIR (--texts FILE [--lines 2000] | --sweep) --python PYTHON
 * Prints one JSON line a difference, and a summary. Ends with 1 if there are differences in ids.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { loadTokenizer, type TokenizedPiece } from "@dak/shared/tokenization";

const { values } = parseArgs({
	options: {
		base: { type: "string" },
		texts: { type: "string" },
		lines: { type: "string", default: "2000" },
		sweep: { type: "boolean", default: false },
		python: { type: "string", default: "python3" },
		show: { type: "string", default: "20" },
	},
});
if (!values.base || (!values.texts && !values.sweep))
	throw new Error("--base DIR (--texts FILE [--lines N] | --sweep) [--python PYTHON] [--show N]");

interface Oracle {
	readonly version: string;
	readonly ids: number[];
	readonly left: number[];
	readonly right: number[];
	/** In UTF-8 bytes. */
	readonly offsets: [number, number][];
}

const MAX_LENGTH = 12;
const PYTHON = `
import json, sys, tokenizers
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
tokenizer.no_padding()
def encode(text, direction=None):
    if direction is None: tokenizer.no_truncation()
    else: tokenizer.enable_truncation(${MAX_LENGTH}, direction=direction)
    return tokenizer.encode(text)
for line in sys.stdin.buffer:
    text = json.loads(line)
    whole = encode(text)
    at = [0]
    for char in text: at.append(at[-1] + len(char.encode()))
    print(json.dumps(dict(version=tokenizers.__version__, ids=whole.ids, left=encode(text, "left").ids, right=encode(text, "right").ids,
        offsets=[(at[a], at[b]) for a, b in whole.offsets])))
`;

function readTexts(path: string, lines: number): string[] {
	const bytes = readFileSync(path);
	return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes)
		.toString("utf8")
		.split(/\r?\n/)
		.filter((line) => line !== "")
		.slice(0, lines);
}

/** Each code point alone, within a word, and after one. */
function everyCharacter(): string[] {
	return Array.from({ length: 0x110000 }, (_, code) => code)
		.filter((code) => code < 0xd800 || code > 0xdfff)
		.map((code) => String.fromCodePoint(code))
		.map((char) => `a${char}b ${char} b${char}`);
}

function askPython(texts: readonly string[], tokenizer: string): Oracle[] {
	const input = texts.map((text) => `${JSON.stringify(text)}\n`).join("");
	const { stdout, stderr, status } = spawnSync(values.python, ["-c", PYTHON, tokenizer], { input, maxBuffer: 2 ** 30, encoding: "utf8" });
	if (status !== 0) throw new Error(`${values.python} ended with ${status}: ${stderr}`);
	return stdout
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Oracle);
}

const same = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
	a.length === b.length && Array.from(a).every((value, i) => value === b[i]);

/** Offsets that are told and are not Python's. */
const wrongOffsets = (pieces: readonly TokenizedPiece[], offsets: readonly [number, number][]): number =>
	pieces.filter(({ start, stop }, i) => start !== undefined && (start !== offsets[i]?.[0] || stop !== offsets[i]?.[1])).length;

const tokenizer = await loadTokenizer(values.base);
const texts = values.texts ? readTexts(values.texts, Number(values.lines)) : everyCharacter();
const counts = { different_ids: 0, different_left: 0, different_right: 0, tokens: 0, offsets_told: 0, offsets_different: 0 };
let version = "";
let shown = 0;
const show = (difference: unknown) => {
	if (shown++ < Number(values.show)) console.log(JSON.stringify(difference));
};
for (let from = 0; from < texts.length; from += 100_000) {
	const part = texts.slice(from, from + 100_000);
	for (const [i, oracle] of askPython(part, join(values.base, "tokenizer.json")).entries()) {
		const text = part[i]!;
		version = oracle.version;
		const ids = tokenizer.encode(text);
		const pieces = tokenizer.tokenize(text);
		const bad = wrongOffsets(pieces, oracle.offsets);
		counts.tokens += ids.length;
		counts.offsets_told += pieces.filter(({ start }) => start !== undefined).length;
		if (!same(ids, oracle.ids)) {
			counts.different_ids++;
			const code = values.sweep ? { code: `U+${text.codePointAt(1)!.toString(16).toUpperCase().padStart(4, "0")}` } : {};
			show({ ...code, text: text.slice(0, 200), found: [...ids].slice(0, 40), python: oracle.ids.slice(0, 40) });
			continue;
		}
		if (!same(tokenizer.encode(text, { maxLength: MAX_LENGTH }), oracle.right)) counts.different_right++;
		if (!same(tokenizer.encode(text, { maxLength: MAX_LENGTH, truncationDirection: "left" }), oracle.left)) counts.different_left++;
		counts.offsets_different += bad;
		if (bad > 0) show({ text: text.slice(0, 200), offsets: pieces.map(({ start, stop }) => [start, stop]), python: oracle.offsets });
	}
}
const started = performance.now();
for (const text of texts.slice(0, 20_000)) tokenizer.encode(text);
const linesPerSecond = Math.round((1000 * Math.min(texts.length, 20_000)) / (performance.now() - started));
console.log(
	JSON.stringify({ base: values.base, texts: texts.length, python_tokenizers: version, ...counts, lines_per_second: linesPerSecond }),
);
process.exitCode = counts.different_ids + counts.different_left + counts.different_right > 0 ? 1 : 0;
