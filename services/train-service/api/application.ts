/** What both protocols can ask train-service for, beyond JobService: datasets, reports, artifacts. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { type ArtifactStore, jailedPath } from "@dak/shared/adapters";
import { DakError, parseOrThrow } from "@dak/shared/errors";
import type { ModelFolder } from "@dak/shared/models";
import type { SharedFolders } from "@dak/shared/objects";
import type { Datasets } from "../data/index.js";
import type { JobEstimate } from "../estimate/index.js";
import {
	type Dataset,
	type DatasetStore,
	type Job,
	type JobService,
	type JobSettings,
	jobSettingsSchema,
	newDatasetId,
	refuseMissingFeatures,
} from "../jobs/index.js";
import type { Upload } from "./upload.js";

export interface ApplicationOptions {
	readonly jobs: JobService;
	readonly store: DatasetStore;
	readonly datasets: Datasets;
	/** The folder of a base model on this machine. @throws MODEL_NOT_FOUND */
	readonly resolveModel: (ref: string) => Promise<ModelFolder>;
	/** The base model that texts are counted for where none is named; it need not be there. */
	readonly defaultModel: string;
	readonly artifacts: Pick<ArtifactStore, "resolvePath">;
	readonly reportsRoot: string;
	/** Where other machines' reports can be had from; undefined where they write into the folder itself. */
	readonly shared?: SharedFolders | undefined;
	/** @throws as the job's submission would, but for memory */
	readonly estimate: (settings: JobSettings) => Promise<JobEstimate>;
}

/** How an upload is read and counted. */
export interface UploadOptions {
	readonly textColumn?: string | undefined;
	readonly textTemplate?: string | undefined;
	readonly baseModel?: string | undefined;
	readonly maxLength: number;
	readonly signal?: AbortSignal | undefined;
}

export class Application {
	constructor(private readonly options: ApplicationOptions) {}

	get jobs(): JobService {
		return this.options.jobs;
	}

	/** What a job would take. @throws INVALID_REQUEST …; MODEL_NOT_FOUND if its base model is not on this machine */
	async estimate(request: unknown): Promise<JobEstimate> {
		const settings = parseOrThrow(jobSettingsSchema, request);
		refuseMissingFeatures(settings);
		return this.options.estimate(settings);
	}

	/** Keeps an upload, having read all of it. */
	async saveDataset({ filename, content }: Upload, { baseModel, maxLength, ...choice }: UploadOptions): Promise<Dataset> {
		const id = newDatasetId();
		const folder = await this.#countingModel(baseModel);
		const base = folder && { ref: folder.ref, folder: folder.path, maxLength };
		const { bytes, statistics } = await this.options.datasets.save(id, filename, content, { ...choice, base });
		const dataset: Dataset = { id, filename: filename.slice(0, 255), createdAt: Date.now(), bytes, statistics: { ...statistics } };
		await this.options.datasets.register(id, () => this.options.store.saveDataset(dataset));
		return dataset;
	}

	async #countingModel(ref: string | undefined): Promise<ModelFolder | undefined> {
		const { resolveModel, defaultModel } = this.options;
		return ref === undefined ? resolveModel(defaultModel).catch(() => undefined) : resolveModel(ref);
	}

	dataset(id: string): Promise<Dataset> {
		return this.options.store.dataset(id);
	}

	/** A job's measurements. @throws ARTIFACT_NOT_FOUND until the job has been evaluated */
	async report(id: string): Promise<Record<string, unknown>> {
		const job = await this.options.jobs.get(id);
		const report = await this.#reportOf(job.id);
		if (report === undefined)
			throw new DakError("ARTIFACT_NOT_FOUND", `job ${id} is ${job.state} and has no report; it is written when training has ended`);
		return JSON.parse(report) as Record<string, unknown>;
	}

	/** Where other machines have a part in it, theirs may be newer than what lies here. */
	async #reportOf(id: string): Promise<string | undefined> {
		const { reportsRoot, shared } = this.options;
		if (shared) return (await shared.readFile(`reports/${id}`, "report.json"))?.toString();
		const file = join(reportsRoot, `${id}.json`);
		return existsSync(file) ? readFileSync(file, "utf8") : undefined;
	}

	/** Files of the published adapter. */
	async artifacts(id: string): Promise<{ readonly path: string; readonly bytes: number }[]> {
		const folder = await this.#adapterFolder(await this.options.jobs.get(id));
		return readdirSync(folder, { recursive: true, encoding: "utf8" })
			.map((path) => ({ path, stat: statSync(join(folder, path)) }))
			.filter(({ stat }) => stat.isFile())
			.map(({ path, stat }) => ({ path: relative(folder, join(folder, path)), bytes: stat.size }))
			.sort((a, b) => (a.path < b.path ? -1 : 1));
	}

	/** Absolute path of one of them. @throws ARTIFACT_NOT_FOUND, PERMISSION_DENIED for a path that leaves the folder */
	async artifact(id: string, path: string): Promise<string> {
		const file = jailedPath(await this.#adapterFolder(await this.options.jobs.get(id)), path);
		if (!existsSync(file) || !statSync(file).isFile())
			throw new DakError("ARTIFACT_NOT_FOUND", `job ${id} has no artifact ${JSON.stringify(path.slice(0, 200))}`);
		return file;
	}

	async #adapterFolder({ id, state, adapterPath }: Job): Promise<string> {
		if (adapterPath === undefined) throw new DakError("ARTIFACT_NOT_FOUND", `job ${id} is ${state} and has published no adapter`);
		return this.options.artifacts.resolvePath(adapterPath);
	}
}
