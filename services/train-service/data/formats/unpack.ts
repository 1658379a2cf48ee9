/** A file's bytes, unpacked as they are read. */
import { createReadStream } from "node:fs";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { invalidData } from "./errors.js";
import type { Compression, DatasetFile } from "./format.js";

const PIECE = 1 << 18;
/** zstd's own limit without --ultra --long: a frame may ask its reader for more, and a stranger's would. */
const MAX_WINDOW = 1 << 27;

/** The unpacked bytes in pieces. Errors of any stage reach the reader; a reader that stops, stops the file. @throws INVALID_DATASET for damaged data */
export async function* unpackedBytes({ path, compression }: DatasetFile): AsyncGenerator<Buffer> {
	const file = createReadStream(path, { highWaterMark: PIECE });
	if (compression === "none") return yield* file;
	const unpacked: Transform = compression === "gzip" ? createGunzip({ chunkSize: PIECE }) : new ZstdDecoder();
	file.on("error", (error) => unpacked.destroy(error));
	try {
		yield* file.pipe(unpacked) as Readable;
	} catch (error) {
		throw damaged(compression, error);
	} finally {
		file.destroy();
		unpacked.destroy();
	}
}

function damaged(compression: Compression, error: unknown): unknown {
	const { code, message } = error as NodeJS.ErrnoException;
	const ofTheDisk = typeof code === "string" && !code.startsWith("Z_") && !code.startsWith("ERR_");
	return ofTheDisk ? error : invalidData(`found a damaged ${compression} file: ${message}`);
}

/** Node has no zstd before 22.15. */
class ZstdDecoder extends Transform {
	readonly #decoder = new Decompress((data) => this.push(Buffer.from(data)));
	#first = true;

	override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
		const window = this.#first ? windowOf(chunk) : 0;
		this.#first = false;
		if (window > MAX_WINDOW) done(new Error(`it asks for a window of ${window} bytes, allowed: ${MAX_WINDOW}`));
		else this.#push(chunk, false, done);
	}

	override _flush(done: TransformCallback): void {
		this.#push(new Uint8Array(0), true, done);
	}

	#push(chunk: Uint8Array, last: boolean, done: TransformCallback): void {
		try {
			this.#decoder.push(chunk, last);
			done();
		} catch (error) {
			done(error as Error);
		}
	}
}

/** Bytes of the window that a frame's header asks for; 0 where it says none. @source RFC 8878, 3.1.1.1.2 */
function windowOf(frame: Buffer): number {
	const [descriptor = 0x20, window = 0] = [frame[4], frame[5]];
	const singleSegment = (descriptor & 0x20) !== 0;
	return singleSegment ? 0 : 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
}
