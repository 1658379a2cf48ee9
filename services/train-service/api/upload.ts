/** The body of POST /v1/datasets: multipart with one file, or the file itself. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { DakError } from "@dak/shared/errors";
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
	"application/gzip": ".txt.gz",
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
	return take({ filename: filename ?? `upload${extension}`, content: req });
}

function multipart<T>(req: IncomingMessage, take: (upload: Upload) => Promise<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		const fail = (what: string, cause?: unknown) => reject(new DakError("MALFORMED_BODY", what, { cause }));
		let parser: busboy.Busboy;
		try {
			parser = busboy({ headers: req.headers, limits: { files: 1, fields: 20, fieldSize: 1024, parts: 25 }, defParamCharset: "utf8" });
		} catch (cause) {
			fail("the multipart header has no boundary", cause);
			return;
		}
		let found = false;
		parser.on("file", (field, content, { filename }) => {
			if (found || field !== "file") {
				content.resume();
				return;
			}
			found = true;
			content.on("error", (cause) => fail("the multipart body ended early", cause));
			take({ filename: filename ?? "upload", content }).then(resolve, (error) => {
				content.resume();
				reject(error);
			});
		});
		parser.on("error", (cause) => fail("the multipart body is damaged", cause));
		parser.on("close", () => {
			if (!found) reject(new DakError("EMPTY_INPUT", "found no file in the multipart body; allowed: one file in the field `file`"));
		});
		req.on("aborted", () => parser.destroy(new Error("the client went away")));
		req.pipe(parser);
	});
}
