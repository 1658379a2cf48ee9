/** Uploaded texts. */
import { createReadStream } from "node:fs";
import { access, constants } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import type { RestCaller, RestRequest } from "./http.js";
import type { CallSettings } from "./options.js";
import type { DatasetJson } from "./types.js";

export interface UploadOptions extends CallSettings {
	/** Its ending says the format: .txt, .jsonl, .csv, .tsv, each also .gz. */
	readonly filename?: string | undefined;
	/** Column or field that holds the text. */
	readonly textColumn?: string | undefined;
	/** A text made of several columns, such as `{brand} {title}`, in place of a column. */
	readonly textTemplate?: string | undefined;
}

export class Datasets {
	constructor(private readonly rest: RestCaller) {}

	/** Uploads bytes or texts; statistics come back. @throws DakApiError INVALID_DATASET naming the line */
	upload(content: string | Uint8Array<ArrayBuffer> | Blob, options: UploadOptions): Promise<DatasetJson> {
		return this.#post(() => content, options);
	}

	/** Uploads a file as it is, without holding it. @throws Error if it cannot be read */
	async uploadFile(path: string, { filename = basename(path), ...options }: UploadOptions = {}): Promise<DatasetJson> {
		await access(path, constants.R_OK);
		return this.#post(() => Readable.toWeb(createReadStream(path)) as ReadableStream, { ...options, filename });
	}

	/** @throws DakApiError DATASET_NOT_FOUND */
	get(id: string, { signal }: CallSettings = {}): Promise<DatasetJson> {
		return this.rest.json(`/v1/datasets/${encodeURIComponent(id)}`, { signal });
	}

	#post(body: NonNullable<RestRequest["body"]>, { filename, textColumn, textTemplate, signal }: UploadOptions): Promise<DatasetJson> {
		return this.rest.json("/v1/datasets", {
			method: "POST",
			body,
			headers: { "content-type": "application/octet-stream" },
			query: { filename, text_column: textColumn, text_template: textTemplate },
			signal,
		});
	}
}
