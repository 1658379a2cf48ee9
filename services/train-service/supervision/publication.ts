/** From a training process' output to a published adapter: one rename, never two versions of one job. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type AdapterManifest, type ArtifactStore, MANIFEST_FILE, type PublishedAdapter } from "@dak/shared/adapters";
import type { SharedFolders } from "@dak/shared/objects";
import type { Job, JobService, JobSettings } from "../jobs/index.js";

export interface PublicationOptions {
	readonly jobs: JobService;
	readonly store: ArtifactStore;
	/** Reports of jobs, also of those that were not published. */
	readonly reportsRoot: string;
	/** Where other machines can have reports from; undefined where they have the folder itself. */
	readonly shared?: SharedFolders | undefined;
}

export class Publication {
	constructor(private readonly options: PublicationOptions) {}

	/** Brings an evaluated job to its end. `outputDir` is consumed. @throws STORAGE_FAILED */
	async publish(job: Job, outputDir: string): Promise<void> {
		const { jobs } = this.options;
		const { id, attempt } = job;
		await jobs.move(id, "publishing", "publishing", undefined, attempt);
		await this.#keepReport(outputDir, id);
		const held = withheld(job.settings, outputDir);
		if (held !== undefined) {
			await jobs.record(id, { kind: "log", level: "warn", message: `not published: ${held}` }, undefined, attempt);
			await jobs.move(id, "succeeded", `not published: ${held}`, { finishedAt: Date.now() }, attempt);
			return;
		}
		await this.#succeeded(job, await this.#move(job, outputDir));
	}

	/** After a crash: a job that was cut off between its adapter's appearance and its own end has come to it. */
	async settle(job: Job): Promise<void> {
		const published = job.state === "publishing" ? await this.#published(job) : undefined;
		if (published) await this.#succeeded(job, published);
	}

	/** A store that fails after the adapter has appeared has published nevertheless. */
	async #move(job: Job, outputDir: string): Promise<PublishedAdapter> {
		try {
			return (await this.#published(job)) ?? (await this.options.store.publishAdapter(job.settings.adapter_name!, outputDir));
		} catch (error) {
			const published = await this.#published(job);
			if (published) return published;
			throw error;
		}
	}

	/** What this job has published. One job publishes at a time, so that it is the newest of its name. */
	async #published({ id, settings }: Job): Promise<PublishedAdapter | undefined> {
		const { store } = this.options;
		try {
			const newest = await store.resolveAdapter(settings.adapter_name!);
			return readManifest(await store.resolvePath(newest.source)).job_id === id ? newest : undefined;
		} catch {
			return undefined;
		}
	}

	async #succeeded({ id, attempt }: Job, { name, source }: PublishedAdapter): Promise<void> {
		const patch = { finishedAt: Date.now(), adapterPath: source };
		await this.options.jobs.move(id, "succeeded", `published as ${name}`, patch, attempt ?? 0);
	}

	async #keepReport(outputDir: string, id: string): Promise<void> {
		const { reportsRoot, shared } = this.options;
		const report = join(outputDir, "report.json");
		if (!existsSync(report)) return;
		mkdirSync(reportsRoot, { recursive: true });
		const target = join(reportsRoot, `${id}.json`);
		const partial = `${target}.partial`;
		try {
			copyFileSync(report, partial);
			renameSync(partial, target);
		} catch (error) {
			rmSync(partial, { force: true });
			throw error;
		}
		await shared?.put(`reports/${id}`, [{ path: "report.json", file: target }]);
	}
}

const readManifest = (folder: string) => JSON.parse(readFileSync(join(folder, MANIFEST_FILE), "utf8")) as Partial<AdapterManifest>;

/** Why an adapter stays unpublished; undefined where it does not. */
function withheld({ publish }: JobSettings, outputDir: string): string | undefined {
	if (publish === "always") return undefined;
	if (publish === "never") return "the job says publish: never";
	if (readManifest(outputDir).verdict !== "regressed") return undefined;
	return "the labelled queries say regressed, and the job says publish: if_not_worse";
}
