/**
 * A job's checkpoints. Each is a folder that appears by one rename, all of its bytes on the disk before: whatever ends the process,
 * the newest one that can be seen is whole. What is not (a failing disk) is told by its hashes, and the one before is taken.
 *
 *     <folder>/00000003-100-anchor/   the third that was written, at step 100
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { readCheckpointFiles, syncPath, writeCheckpointFiles } from "./files.js";
import type { Checkpoint, CheckpointEntry, Written } from "./types.js";

const NAME = /^(\d{8})-(\d{1,10})(-anchor)?$/;
const WRITING = ".writing";
/** Checkpoints that are kept: the newest may turn out to be broken. The newest anchor is kept besides. */
const KEPT = 2;

export interface CheckpointFolderOptions {
	/** Hears of checkpoints that are not whole, and why. */
	readonly onBroken: (message: string) => void;
	/** Called before anything is written; what it throws is thrown on. */
	readonly beforeWrite?: () => void;
}

export class CheckpointFolder {
	constructor(
		private readonly folder: string,
		private readonly options: CheckpointFolderOptions,
	) {
		mkdirSync(folder, { recursive: true });
		// What a process left that was ended while it wrote.
		for (const name of readdirSync(folder)) if (name.startsWith(WRITING)) rmSync(join(folder, name), { recursive: true, force: true });
	}

	/** Oldest first; none where the folder has been taken away. */
	entries(): CheckpointEntry[] {
		return namesIn(this.folder)
			.sort()
			.flatMap((name) => {
				const [, ordinal, step, anchor] = NAME.exec(name) ?? [];
				if (ordinal === undefined) return [];
				return [{ path: join(this.folder, name), ordinal: Number(ordinal), step: Number(step), anchor: anchor !== undefined }];
			});
	}

	/** Writes a checkpoint and removes those that are no longer needed. @throws what the file system throws; then nothing is left of it */
	write(checkpoint: Checkpoint, anchor: boolean): Written {
		this.options.beforeWrite?.();
		const started = performance.now();
		const ordinal = String((this.entries().at(-1)?.ordinal ?? 0) + 1).padStart(8, "0");
		const writing = join(this.folder, `${WRITING}-${process.pid}`);
		try {
			rmSync(writing, { recursive: true, force: true });
			mkdirSync(writing);
			const bytes = writeCheckpointFiles(writing, checkpoint);
			renameSync(writing, join(this.folder, `${ordinal}-${checkpoint.state.step}${anchor ? "-anchor" : ""}`));
			syncPath(this.folder);
			this.#prune();
			return { bytes, milliseconds: performance.now() - started };
		} catch (error) {
			rmSync(writing, { recursive: true, force: true });
			throw error;
		}
	}

	/** The newest that is whole. */
	newest(): Checkpoint | undefined {
		return this.#read(this.entries());
	}

	/** The newest anchor that is whole. */
	newestAnchor(): Checkpoint | undefined {
		return this.#read(this.entries().filter(({ anchor }) => anchor));
	}

	#read(entries: readonly CheckpointEntry[]): Checkpoint | undefined {
		for (const { path, step } of entries.toReversed()) {
			try {
				return readCheckpointFiles(path);
			} catch (error) {
				this.options.onBroken(`the checkpoint at step ${step} is broken and left aside: ${(error as Error).message}`);
				this.#setAside(path);
			}
		}
		return undefined;
	}

	/** Out of the list, so that it takes no place of those that are kept. */
	#setAside(path: string): void {
		const aside = join(this.folder, `.broken-${basename(path)}`);
		rmSync(aside, { recursive: true, force: true });
		renameSync(path, aside);
	}

	#prune(): void {
		const entries = this.entries();
		const kept = new Set([...entries.slice(-KEPT), entries.findLast(({ anchor }) => anchor)]);
		for (const entry of entries) if (!kept.has(entry)) rmSync(entry.path, { recursive: true, force: true });
	}
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
}
