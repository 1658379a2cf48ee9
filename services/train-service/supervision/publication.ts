/** From a training process' output to a published adapter: one rename, never two versions of one job. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type AdapterManifest, type ArtifactStore, MANIFEST_FILE, type PublishedAdapter } from "@dak/shared/adapters";
import type { Job, JobService, JobSettings } from "../jobs/index.js";

export interface PublicationOptions {
	readonly jobs: JobService;
	readonly store: ArtifactStore;
	/** Reports of jobs, also of those that were not published. */
	readonly reportsRoot: string;
}

export class Publication {
	constructor(private readonly options: PublicationOptions) {}

	/** Brings an evaluated job to its end. `outputDir` is consumed. @throws STORAGE_FAILED */
	publish(job: Job, outputDir: string): void {
		const { jobs } = this.options;
		jobs.move(job.id, "publishing", "publishing");
		this.#keepReport(outputDir, job.id);
		const held = withheld(job.settings, outputDir);
		if (held !== undefined) {
			jobs.record(job.id, { kind: "log", level: "warn", message: `not published: ${held}` });
			jobs.move(job.id, "succeeded", `not published: ${held}`, { finishedAt: Date.now() });
			return;
		}
		this.#succeeded(job, this.#move(job, outputDir));
	}

	/** After a crash: jobs that were cut off between their adapter's appearance and their own end have come to it. */
	settle(): void {
		for (const job of this.options.jobs.list({ state: "publishing" }).jobs) {
			const published = this.#published(job);
			if (published) this.#succeeded(job, published);
		}
	}

	/** A store that fails after the rename has published nevertheless. */
	#move(job: Job, outputDir: string): PublishedAdapter {
		try {
			return this.#published(job) ?? this.options.store.publishAdapter(job.settings.adapter_name!, outputDir);
		} catch (error) {
			const published = this.#published(job);
			if (published) return published;
			throw error;
		}
	}

	/** What this job has published. One job publishes at a time, so that it is the newest of its name. */
	#published({ id, settings }: Job): PublishedAdapter | undefined {
		try {
			const newest = this.options.store.resolveAdapter(settings.adapter_name!);
			return readManifest(newest.path).job_id === id ? newest : undefined;
		} catch {
			return undefined;
		}
	}

	#succeeded({ id }: Job, { name, source }: PublishedAdapter): void {
		this.options.jobs.move(id, "succeeded", `published as ${name}`, { finishedAt: Date.now(), adapterPath: source });
	}

	#keepReport(outputDir: string, id: string): void {
		const { reportsRoot } = this.options;
		const report = join(outputDir, "report.json");
		if (!existsSync(report)) return;
		mkdirSync(reportsRoot, { recursive: true });
		const target = join(reportsRoot, `${id}.json`);
		copyFileSync(report, `${target}.partial`);
		renameSync(`${target}.partial`, target);
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
