/**
 * A job's checkpoints, kept where every node can have them. The training process writes them to this machine's disk; what is there is
 * carried on from here, the newest first, while the training goes on. Another node that takes the job up brings them to its own disk.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { filesOf, type SharedFolders } from "@dak/shared/objects";
import type { Logger } from "@dak/shared/observability";

const CHECKPOINTS = "checkpoints";
const NAME = /^\d{8}-\d{1,10}(?:-anchor)?$/;

export class CheckpointMirror {
	/** By job: settles when what was there is kept. */
	readonly #keeping = new Map<string, Promise<void>>();
	/** Jobs whose checkpoints have changed since the last round of keeping began. */
	readonly #changed = new Set<string>();

	constructor(
		private readonly folders: SharedFolders,
		private readonly root: string,
		private readonly logger: Logger,
	) {}

	/** Brings a job's checkpoints here that another node has kept. @throws UNAVAILABLE, STORAGE_FAILED */
	async restore(jobId: string): Promise<void> {
		const here = this.#here(jobId);
		for (const name of await this.folders.list(`${CHECKPOINTS}/${jobId}`)) {
			if (!NAME.test(name) || here.includes(name)) continue;
			mkdirSync(join(this.root, jobId), { recursive: true });
			await this.folders.fetch(this.#name(jobId, name), join(this.root, jobId, name));
		}
	}

	/** There is a new one; returns at once. */
	changed(jobId: string): void {
		this.#changed.add(jobId);
		if (this.#keeping.has(jobId)) return;
		const keeping = this.#keepWhileChanged(jobId).finally(() => this.#keeping.delete(jobId));
		this.#keeping.set(jobId, keeping);
	}

	/** Waits until what is here is kept, or cannot be. */
	async flush(jobId: string): Promise<void> {
		this.changed(jobId);
		await this.#keeping.get(jobId);
	}

	/** The job needs none any more. */
	async forget(jobId: string): Promise<void> {
		await this.#keeping.get(jobId);
		for (const name of await this.folders.list(`${CHECKPOINTS}/${jobId}`)) await this.folders.remove(this.#name(jobId, name));
	}

	/** Jobs that checkpoints are kept of. */
	async jobs(): Promise<string[]> {
		return [...new Set((await this.folders.list(CHECKPOINTS)).map((name) => name.split("/")[0]!))];
	}

	async #keepWhileChanged(jobId: string): Promise<void> {
		while (this.#changed.delete(jobId)) {
			try {
				await this.#keep(jobId);
			} catch (error) {
				// As one that cannot be written: it costs what would have to be done again, not the training.
				this.logger.warn({ job_id: jobId, err: error }, "a checkpoint could not be kept elsewhere; training goes on");
			}
		}
	}

	async #keep(jobId: string): Promise<void> {
		const kept = await this.folders.list(`${CHECKPOINTS}/${jobId}`);
		const here = this.#here(jobId);
		for (const name of here.toReversed()) {
			if (kept.includes(name)) continue;
			const folder = join(this.root, jobId, name);
			const files = existsSync(folder) ? filesOf(folder) : [];
			try {
				if (files.length > 0) await this.folders.put(this.#name(jobId, name), files);
			} catch (error) {
				// The process has removed it meanwhile, since there is a newer one.
				if (existsSync(folder)) throw error;
			}
		}
		const newest = here.at(-1);
		const gone = kept.filter((name) => newest !== undefined && name < newest && !here.includes(name));
		for (const name of gone) await this.folders.remove(this.#name(jobId, name));
	}

	/** Names of those on this machine, oldest first. */
	#here(jobId: string): string[] {
		const folder = join(this.root, jobId);
		if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
		return readdirSync(folder)
			.filter((name) => NAME.test(name))
			.sort();
	}

	#name(jobId: string, name: string): string {
		return `${CHECKPOINTS}/${jobId}/${name}`;
	}
}
