/** The body of POST /v1/datasets: multipart with one file, or the file itself. */
import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { DakError, toDakError } from "@dak/shared/errors";
import busboy from "busboy";

export interface Upload {
	readonly filename: string;
	readonly content: Readable;
}

const EXTENSION_BY_TYPE: Readonly<Record<string, string>> = {
	"text/plain": ".txt",
	"text/csv": ".csv",
	"text/tab-separated-values": ".tsv",
	"application/jsonl": ".jsonl",
	"application/x-ndjson": ".jsonl",
	"application/vnd.apache.parquet": ".parquet",
	"application/gzip": ".txt.gz",
	"application/zstd": ".txt.zst",
	"application/octet-stream": "",
};

/** Content types of a body that is the file itself. */
export const RAW_TYPES: readonly string[] = Object.keys(EXTENSION_BY_TYPE);

/** Calls back with the one file of a request. @throws UNSUPPORTED_MEDIA_TYPE, MALFORMED_BODY, EMPTY_INPUT */
export async function withUpload<T>(req: IncomingMessage, filename: string | undefined, take: (upload: Upload) => Promise<T>): Promise<T> {
	const type = (req.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
	if (type === "multipart/form-data") return multipart(req, take);
	const extension = EXTENSION_BY_TYPE[type];
	if (extension === undefined) {
		throw new DakError(
			"UNSUPPORTED_MEDIA_TYPE",
			`content-type: found ${JSON.stringify(type)}, allowed: multipart/form-data, ${RAW_TYPES.join(", ")}`,
		);
	}
	return take({ filename: filename ?? `upload${extension}`, content: copyOf(req) });
}

/** The body as a stream that may be broken off while the answer can still be sent. */
function copyOf(req: IncomingMessage): Readable {
	const copy = new PassThrough();
	req.once("close", () => {
		if (!req.complete) copy.destroy(clientGone());
	});
	return req.pipe(copy);
}

const clientGone = () => new DakError("CANCELLED", "the client went away while sending the file");
const malformed = (what: string, cause?: unknown) => new DakError("MALFORMED_BODY", what, { cause });

function openParser(req: IncomingMessage): busboy.Busboy {
	try {
		return busboy({ headers: req.headers, limits: { files: 1, fields: 20, fieldSize: 1024, parts: 25 }, defParamCharset: "utf8" });
	} catch (cause) {
		throw malformed("the multipart header has no boundary", cause);
	}
}

async function multipart<T>(req: IncomingMessage, take: (upload: Upload) => Promise<T>): Promise<T> {
	const parser = openParser(req);
	let broken: Error | undefined;
	const upload = await new Promise<Upload>((resolve, reject) => {
		parser.on("file", (field, content, { filename }) => {
			// Its reader hears of an error too; without a reader it must not end the process.
			content.on("error", (error: Error) => {
				broken = error;
			});
			if (field === "file") resolve({ filename: filename ?? "upload", content });
			else content.resume();
		});
		parser.on("error", (cause) => reject(malformed("the multipart body is damaged", cause)));
		parser.on("close", () =>
			reject(new DakError("EMPTY_INPUT", "found no file in the multipart body; allowed: one file in the field `file`")),
		);
		req.once("close", () => {
			if (!req.complete) parser.destroy(clientGone());
		});
		req.pipe(parser);
	});
	try {
		return await take(upload);
	} catch (error) {
		// What follows of the body has to be read before the answer is heard.
		req.unpipe(parser);
		req.resume();
		throw error === broken && toDakError(error).reason === "INTERNAL" ? malformed("the multipart body ended early", error) : error;
	}
}
