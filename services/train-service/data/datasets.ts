/** Uploaded datasets: a folder each, that appears whole or not at all. What is in them is read by threads of their own. */
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DakError } from "@dak/shared/errors";
import { bringHubDataset, checkHubDataset, type HubDatasetOptions, type ModelSources } from "@dak/shared/models";
import { filesOf, type SharedFolders } from "@dak/shared/objects";
import { isDatasetId, type JobSettings } from "../jobs/index.js";
import { type DatasetFile, datasetFile, EXTENSIONS, type ReadOptions, type TextChoice } from "./formats/index.js";
import { preparationOf } from "./job-options.js";
import { type BaseTokenizer, DEFAULT_PREPARATION, type Outputs } from "./prepare/index.js";
import type { TextSample } from "./sample.js";
import { chooseHubFiles, filesAt, hubFiles, uploadedFiles } from "./source.js";
import type { DatasetStatistics } from "./statistics/index.js";
import { PreparationPool } from "./worker/index.js";

export interface DatasetsOptions {
	/** Uploads lie below it. */
	readonly folder: string;
	/** What the hub's data sets are brought to. */
	readonly hubFolder: string;
	/** Where other machines can have uploads from; undefined where they have the folder itself. */
	readonly shared?: SharedFolders | undefined;
	/** Whether no other service has uploads in the folder. */
	readonly alone: boolean;
	/** What a job's `dataset.path` is relative to. */
	readonly dataRoot: string;
	/** Where data sets of a hub come from. */
	readonly hub: Pick<ModelSources, "hub" | "hubCache">;
	readonly maxUploadBytes: number;
	readonly maxTextBytes: number;
	readonly readers: Readers;
}

export type DatasetSource = { readonly upload: string } | { readonly path: string } | { readonly hub: string };

/** An upload, and how its texts are found and counted. */
export interface SaveOptions extends TextChoice {
	readonly base?: BaseTokenizer | undefined;
	/** Breaks the reading off. */
	readonly signal?: AbortSignal | undefined;
}

export interface PrepareOptions {
	/** Breaks the reading off. */
	readonly signal?: AbortSignal | undefined;
	/** Told how far a fetch from the hub is. */
	readonly onProgress?: ((line: string) => void) | undefined;
}

/** Unpacked data may be this many times the largest upload. */
const UNPACK_FACTOR = 20;
/** Threads that read datasets, and beside them one for their beginnings: a new job's check does not wait for a large upload. */
export interface Readers {
	readonly whole: PreparationPool;
	readonly beginnings: PreparationPool;
}

export const createReaders = (): Readers => ({ whole: new PreparationPool(2), beginnings: new PreparationPool(1) });

export class Datasets {
	constructor(private readonly options: DatasetsOptions) {
		mkdirSync(options.folder, { recursive: true });
		this.#sweep();
		mkdirSync(options.dataRoot, { recursive: true });
	}

	/** Removes what an upload left that was cut off with an earlier run of the service, or of another: those are given a day. */
	#sweep(): void {
		const { folder, alone } = this.options;
		const before = alone ? Number.POSITIVE_INFINITY : Date.now() - 86_400_000;
		for (const name of readdirSync(folder)) {
			const path = join(folder, name);
			const { mtimeMs = before } = statSync(path, { throwIfNoEntry: false }) ?? {};
			if (name.startsWith(".") && mtimeMs < before) rmSync(path, { recursive: true, force: true });
		}
	}

	/** Stores an upload after reading all of it. @throws INVALID_DATASET, PAYLOAD_TOO_LARGE; then nothing is left of it */
	async save(
		id: string,
		filename: string,
		content: Readable,
		options: SaveOptions = {},
	): Promise<{ readonly bytes: number; readonly statistics: DatasetStatistics }> {
		const { folder, maxUploadBytes } = this.options;
		const staging = join(folder, `.${id}`);
		const name = `source${safeExtension(filename)}`;
		mkdirSync(staging);
		try {
			await pipeline(content, limited(maxUploadBytes), createWriteStream(join(staging, name)));
			const statistics = await this.#check(datasetFile(join(staging, name)), staging, options);
			await this.options.shared?.put(sharedName(id), filesOf(staging));
			renameSync(staging, join(folder, id));
			return { bytes: statSync(join(folder, id, name)).size, statistics };
		} catch (error) {
			rmSync(staging, { recursive: true, force: true });
			throw error;
		}
	}

	/** Writes down one that was saved: its files go where that fails. @throws what `write` throws */
	async register(id: string, write: () => Promise<void>): Promise<void> {
		try {
			await write();
		} catch (error) {
			rmSync(join(this.options.folder, id), { recursive: true, force: true });
			throw error;
		}
	}

	/** Stores texts that came with a job. */
	saveTexts(id: string, texts: readonly string[], base?: BaseTokenizer) {
		return this.save(id, "texts.jsonl", Readable.from(texts.map((text) => `${JSON.stringify(text)}\n`)), { base });
	}

	/** Refuses a source that cannot be trained on, by reading its beginning. @throws INVALID_DATASET, DATASET_NOT_FOUND, PERMISSION_DENIED */
	async inspect(source: DatasetSource, choice: TextChoice): Promise<void> {
		if ("hub" in source) return checkHubDataset(source.hub, this.#hub());
		const files = await this.#files(source);
		const scratch = join(tmpdir(), `dak-inspect-${process.pid}-${Math.random().toString(36).slice(2)}`);
		await this.options.readers.beginnings.run({ kind: "inspect", files, read: this.#read(choice, scratch) });
	}

	/** Its first texts, and about how many it has. @throws as `inspect` */
	async sample(source: DatasetSource, choice: TextChoice, limit: number): Promise<TextSample> {
		const files = await this.#files(source);
		const bytes = files.reduce((sum, { path }) => sum + statSync(path).size, 0);
		const scratch = join(tmpdir(), `dak-sample-${process.pid}-${Math.random().toString(36).slice(2)}`);
		const { sample } = await this.options.readers.beginnings.run({
			kind: "sample",
			files,
			read: this.#read(choice, scratch),
			bytes,
			limit,
		});
		return sample!;
	}

	/** Writes a job's prepared texts. */
	async prepare(settings: JobSettings, base: BaseTokenizer, outputs: Outputs, options: PrepareOptions = {}): Promise<DatasetStatistics> {
		const { signal, onProgress } = options;
		const files = await this.#files(settings.dataset as DatasetSource, onProgress);
		const read = this.#read({ textColumn: settings.text_column, textTemplate: settings.text_template }, outputs.texts);
		const { statistics } = await this.options.readers.whole.run(
			{ kind: "prepare", files, read, outputs, options: preparationOf(settings), base },
			signal,
		);
		return statistics!;
	}

	async #check(file: DatasetFile, staging: string, { base, signal, ...choice }: SaveOptions): Promise<DatasetStatistics> {
		const outputs = { texts: join(staging, "checked.jsonl"), validation: join(staging, "held-out.jsonl") };
		const read = this.#read(choice, outputs.texts);
		const request = { kind: "prepare", files: [file], read, outputs, options: DEFAULT_PREPARATION, base } as const;
		const { statistics } = await this.options.readers.whole.run(request, signal);
		for (const path of Object.values(outputs)) rmSync(path, { force: true });
		return statistics!;
	}

	async #files(source: DatasetSource, onProgress?: (line: string) => void): Promise<DatasetFile[]> {
		if ("hub" in source) return hubFiles(await bringHubDataset(source.hub, { ...this.#hub(), onProgress }));
		if ("path" in source) return filesAt(this.options.dataRoot, source.path);
		await this.#bring(source.upload);
		return uploadedFiles(this.options.folder, source.upload);
	}

	/** An upload that another machine has taken. */
	async #bring(id: string): Promise<void> {
		const { shared, folder } = this.options;
		if (shared && isDatasetId(id) && !existsSync(join(folder, id))) await shared.fetch(sharedName(id), join(folder, id));
	}

	#hub(): HubDatasetOptions {
		const { hubFolder, hub, maxUploadBytes } = this.options;
		return { ...hub, folder: hubFolder, choose: chooseHubFiles, maxBytes: maxUploadBytes };
	}

	#read(choice: TextChoice, scratch: string): ReadOptions {
		const { maxTextBytes, maxUploadBytes } = this.options;
		return { ...choice, maxTextBytes, maxBytes: maxUploadBytes * UNPACK_FACTOR, scratch };
	}
}

const sharedName = (id: string): string => `datasets/${id}`;

const KNOWN_END = new RegExp(`(?:\\.(?:${EXTENSIONS.join("|")}))?(?:\\.(?:gz|zst))?$`, "i");

/** The end of a file's name that says its format; nothing else of a stranger's name reaches the disk. */
const safeExtension = (filename: string): string => KNOWN_END.exec(filename)?.[0].toLowerCase() ?? "";

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
