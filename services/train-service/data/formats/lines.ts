/** Bytes to checked text, and text to lines, a piece at a time: a line longer than allowed is refused before it is held. */

import { invalidData } from "./errors.js";
import type { DatasetFile } from "./format.js";
import { unpackedBytes } from "./unpack.js";

export interface TextLimits {
	/** Longest single text, bytes. */
	readonly maxTextBytes: number;
	/** Most bytes after unpacking: a small gzip file can hold a very large one. */
	readonly maxBytes: number;
}

/** The file's text in pieces. @throws INVALID_DATASET for binary files, invalid UTF-8 and too much of it */
export async function* textPieces(file: DatasetFile, { maxBytes }: TextLimits): AsyncGenerator<string> {
	const decoder = new TextDecoder("utf-8", { fatal: true });
	let bytes = 0;
	let lines = 1;
	const decode = (chunk?: Buffer) => {
		try {
			return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
		} catch {
			throw invalidData(`found bytes that are no UTF-8 near line ${lines}; allowed: UTF-8 text`);
		}
	};
	for await (const chunk of unpackedBytes(file)) {
		bytes += chunk.length;
		if (bytes > maxBytes) throw tooMuch(maxBytes);
		if (chunk.includes(0)) throw invalidData(`found a NUL byte near line ${lines}: a binary file; allowed: UTF-8 text`);
		const text = decode(chunk);
		if (text !== "") yield text;
		for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
	}
	const rest = decode();
	if (rest !== "") yield rest;
}

export const tooMuch = (maxBytes: number) => invalidData(`found more than ${maxBytes} bytes after unpacking, allowed: ${maxBytes}`);

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

function checked(line: Line, limits: TextLimits): Line {
	checkLength(line.text, `line ${line.number}`, limits);
	return line;
}

/** @throws INVALID_DATASET for a text over the limit, saying where it stands */
export function checkLength(text: string, where: string, { maxTextBytes }: TextLimits): void {
	// A character has at least one byte and at most three, so the count of bytes is taken for long lines only.
	if (text.length > maxTextBytes || (text.length * 3 > maxTextBytes && Buffer.byteLength(text) > maxTextBytes)) {
		throw invalidData(`found a text of more than ${maxTextBytes} bytes at ${where}, allowed: ${maxTextBytes} bytes a text`);
	}
}
