/** Bytes to checked text, and text to lines, a piece at a time: a line longer than allowed is refused before it is held. */
import { createReadStream } from "node:fs";
import { Transform, type TransformCallback } from "node:stream";
import { createGunzip } from "node:zlib";
import { DakError } from "@dak/shared/errors";
import type { DatasetFile } from "./format.js";

export const invalidData = (detail: string): DakError =>
	new DakError("INVALID_DATASET", `/dataset: ${detail}`, { fields: [{ pointer: "/dataset", detail }] });

export interface TextLimits {
	/** Longest single text, bytes. */
	readonly maxTextBytes: number;
	/** Most bytes after unpacking: a small gzip file can hold a very large one. */
	readonly maxBytes: number;
}

/** Passes valid UTF-8 on as strings; refuses binary files, invalid UTF-8 and too much of it. */
class CheckedText extends Transform {
	readonly #decoder = new TextDecoder("utf-8", { fatal: true });
	#bytes = 0;
	#lines = 1;

	constructor(private readonly maxBytes: number) {
		super({ readableObjectMode: true });
	}

	override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
		this.#bytes += chunk.length;
		const wrong = this.#wrong(chunk);
		if (wrong) done(wrong);
		else this.#decode(chunk, true, done);
		for (const byte of chunk) if (byte === 10) this.#lines++;
	}

	#wrong(chunk: Buffer): DakError | undefined {
		if (this.#bytes > this.maxBytes)
			return invalidData(`found more than ${this.maxBytes} bytes after unpacking, allowed: ${this.maxBytes}`);
		if (chunk.includes(0)) return invalidData(`found a NUL byte near line ${this.#lines}: a binary file; allowed: UTF-8 text`);
		return undefined;
	}

	override _flush(done: TransformCallback): void {
		this.#decode(undefined, false, done);
	}

	#decode(chunk: Buffer | undefined, stream: boolean, done: TransformCallback): void {
		try {
			const text = chunk ? this.#decoder.decode(chunk, { stream }) : this.#decoder.decode();
			done(null, text === "" ? undefined : text);
		} catch {
			done(invalidData(`found bytes that are no UTF-8 near line ${this.#lines}; allowed: UTF-8 text`));
		}
	}
}

/** The file's text in pieces. Errors of any stage reach the reader. */
export async function* textPieces({ path, gzip }: DatasetFile, { maxBytes }: TextLimits): AsyncGenerator<string> {
	const file = createReadStream(path, { highWaterMark: 1 << 18 });
	const unpacked = gzip ? file.pipe(createGunzip()) : file;
	const checked = unpacked.pipe(new CheckedText(maxBytes));
	file.on("error", (error) => checked.destroy(error));
	unpacked.on("error", (error: Error) => checked.destroy(gzip ? invalidData(`found a damaged gzip file: ${error.message}`) : error));
	try {
		for await (const piece of checked) yield piece as string;
	} finally {
		file.destroy();
		unpacked.destroy();
	}
}

export interface Line {
	/** From 1. */
	readonly number: number;
	readonly text: string;
}

/** Lines without their ends; a byte-order mark at the start is dropped. */
export async function* linesOf(file: DatasetFile, limits: TextLimits): AsyncGenerator<Line> {
	let rest = "";
	let number = 0;
	for await (const piece of textPieces(file, limits)) {
		const lines = (rest + (number === 0 && rest === "" ? piece.replace(/^\uFEFF/, "") : piece)).split(/\r\n|\n|\r(?!$)/);
		rest = lines.pop() ?? "";
		for (const text of lines) yield checked({ number: ++number, text }, limits);
		checked({ number: number + 1, text: rest }, limits);
	}
	if (rest !== "") yield checked({ number: number + 1, text: rest.replace(/\r$/, "") }, limits);
}

function checked(line: Line, { maxTextBytes }: TextLimits): Line {
	// A character has at least one byte, so the count of bytes is taken for long lines only.
	if (line.text.length > maxTextBytes || (line.text.length * 3 > maxTextBytes && Buffer.byteLength(line.text) > maxTextBytes)) {
		throw invalidData(`found a text of more than ${maxTextBytes} bytes at line ${line.number}, allowed: ${maxTextBytes} bytes a text`);
	}
	return line;
}
