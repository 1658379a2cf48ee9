/** Uploaded datasets: a folder each, that appears whole or not at all. */
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { jailedPath } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { type DatasetFile, datasetFile } from "./format.js";
import { type DatasetStatistics, inspectTexts, prepareDataset } from "./prepare.js";
import { type ReadOptions, readTexts } from "./read.js";
import { sampleTexts, type TextSample } from "./sample.js";

export interface DatasetsOptions {
	/** Uploads lie below it. */
	readonly folder: string;
	/** What a job's `dataset.path` is relative to. */
	readonly dataRoot: string;
	readonly maxUploadBytes: number;
	readonly maxTextBytes: number;
}

export type DatasetSource = { readonly upload: string } | { readonly path: string };

/** Unpacked data may be this many times the largest upload. */
const UNPACK_FACTOR = 20;

export class Datasets {
	constructor(private readonly options: DatasetsOptions) {
		mkdirSync(options.folder, { recursive: true });
		// What an upload left that was cut off with an earlier run of the service.
		for (const name of readdirSync(options.folder)) {
			if (name.startsWith(".")) rmSync(join(options.folder, name), { recursive: true, force: true });
		}
		mkdirSync(options.dataRoot, { recursive: true });
	}

	/** Stores an upload after reading all of it. @throws INVALID_DATASET, PAYLOAD_TOO_LARGE; then nothing is left of it */
	async save(
		id: string,
		filename: string,
		content: Readable,
		textColumn?: string,
	): Promise<{ readonly bytes: number; readonly statistics: DatasetStatistics }> {
		const { folder, maxUploadBytes } = this.options;
		const staging = join(folder, `.${id}`);
		mkdirSync(staging);
		try {
			const path = join(staging, `source${safeExtension(filename)}`);
			await pipeline(content, limited(maxUploadBytes), createWriteStream(path));
			const statistics = await prepareDataset(datasetFile(path), join(staging, "checked.jsonl"), this.#readOptions(textColumn));
			rmSync(join(staging, "checked.jsonl"));
			renameSync(staging, join(folder, id));
			return { bytes: statSync(join(folder, id, `source${safeExtension(filename)}`)).size, statistics };
		} catch (error) {
			rmSync(staging, { recursive: true, force: true });
			throw error;
		}
	}

	/** Stores texts that came with a job. */
	saveTexts(id: string, texts: readonly string[]) {
		return this.save(id, "texts.jsonl", Readable.from(texts.map((text) => `${JSON.stringify(text)}\n`)));
	}

	/** Refuses a source that cannot be trained on, by reading its beginning. @throws INVALID_DATASET, DATASET_NOT_FOUND, PERMISSION_DENIED */
	inspect(source: DatasetSource, textColumn: string | undefined): Promise<void> {
		return inspectTexts(readTexts(this.#file(source), this.#readOptions(textColumn)));
	}

	/** Its first texts, and about how many it has. @throws as `inspect` */
	sample(source: DatasetSource, textColumn: string | undefined, limit: number): Promise<TextSample> {
		const file = this.#file(source);
		return sampleTexts(readTexts(file, this.#readOptions(textColumn)), statSync(file.path).size, limit);
	}

	/** Writes a job's prepared texts. */
	prepare(source: DatasetSource, textColumn: string | undefined, outFile: string): Promise<DatasetStatistics> {
		return prepareDataset(this.#file(source), outFile, this.#readOptions(textColumn));
	}

	#file(source: DatasetSource): DatasetFile {
		if ("upload" in source) {
			const folder = jailedPath(this.options.folder, source.upload);
			const name = existsSync(folder) ? readdirSync(folder).find((entry) => entry.startsWith("source")) : undefined;
			if (!name)
				throw new DakError("DATASET_NOT_FOUND", `/dataset/upload: dataset ${JSON.stringify(source.upload.slice(0, 64))} does not exist`);
			return datasetFile(join(folder, name));
		}
		const path = jailedPath(this.options.dataRoot, source.path);
		if (!existsSync(path) || !statSync(path).isFile()) {
			const detail = `found no file ${JSON.stringify(source.path.slice(0, 200))} below the data root`;
			throw new DakError("INVALID_DATASET", `/dataset/path: ${detail}`, { fields: [{ pointer: "/dataset/path", detail }] });
		}
		return datasetFile(path);
	}

	#readOptions(textColumn: string | undefined): ReadOptions {
		const { maxTextBytes, maxUploadBytes } = this.options;
		return { textColumn, maxTextBytes, maxBytes: maxUploadBytes * UNPACK_FACTOR };
	}
}

/** The end of a file's name that says its format; nothing else of a stranger's name reaches the disk. */
const safeExtension = (filename: string): string => /(?:\.[a-z]{1,8})?(?:\.gz)?$/i.exec(filename)?.[0].toLowerCase() ?? "";

function limited(maxBytes: number): Transform {
	let bytes = 0;
	return new Transform({
		transform(chunk: Buffer, _, done) {
			bytes += chunk.length;
			done(
				bytes > maxBytes
					? new DakError("PAYLOAD_TOO_LARGE", `the upload is longer than ${maxBytes} bytes; allowed: ${maxBytes} bytes`)
					: null,
				chunk,
			);
		},
	});
}
