/** A file of JSON strings, one a line, that is read through and looked up in. */
import { closeSync, createReadStream, openSync, readSync } from "node:fs";

const PIECE = 1 << 16;

/** Lines put together: a write each would take longer than what is written. */
export async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
	let piece = "";
	for await (const line of lines) {
		piece += line;
		if (piece.length < PIECE) continue;
		yield piece;
		piece = "";
	}
	if (piece !== "") yield piece;
}

export interface FileLine {
	readonly text: string;
	/** Where the line begins, bytes. */
	readonly offset: number;
	/** Its bytes without the end of line. */
	readonly bytes: number;
}

export class LineFile {
	readonly #descriptor: number;

	constructor(private readonly path: string) {
		this.#descriptor = openSync(path, "r");
	}

	/** All lines in order. `wanted` says by number, from 0, whose text is needed: others are passed over. */
	async *lines(wanted: (index: number) => boolean): AsyncGenerator<FileLine> {
		let rest = Buffer.alloc(0);
		let offset = 0;
		let index = 0;
		for await (const piece of createReadStream(this.path, { highWaterMark: 1 << 18 })) {
			const bytes = rest.length === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer]);
			let from = 0;
			for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
				if (wanted(index++))
					yield { text: JSON.parse(bytes.toString("utf8", from, end)) as string, offset: offset + from, bytes: end - from };
				from = end + 1;
			}
			offset += from;
			rest = Buffer.from(bytes.subarray(from));
		}
	}

	/** One line's text. */
	at(offset: number, bytes: number): string {
		const buffer = Buffer.allocUnsafe(bytes);
		readSync(this.#descriptor, buffer, 0, bytes, offset);
		return JSON.parse(buffer.toString("utf8")) as string;
	}

	close(): void {
		closeSync(this.#descriptor);
	}
}
