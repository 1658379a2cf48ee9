/**
 * The state of the embedded default in one folder, also while train-service runs: a snapshot of the job store first, then the files
 * that its jobs name, each with its SHA-256. Files of a later moment do no harm: uploads, checkpoints and adapters appear by one rename
 * and are never changed. What goes away while it is copied (a checkpoint of a job that has ended) is left out.
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TOOL_VERSION } from "@dak/shared/adapters";
import type { Config } from "@dak/shared/config";
import { DakError, parseOrThrow } from "@dak/shared/errors";
import Database from "libsql";
import { z } from "zod";

const INDEX = "backup.json";
const STORE = "jobs.db";
/** Below the data folder; models are fetched anew, work is of running processes. */
const FOLDERS = ["datasets", "checkpoints", "reports"] as const;

const indexSchema = z.object({
	format: z.literal(1),
	tool_version: z.string(),
	created_at: z.string(),
	jobs: z.int().min(0),
	files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
});

export interface BackupSummary {
	readonly folder: string;
	readonly jobs: number;
	readonly files: number;
}

type Places = Pick<Config, "dataDir" | "artifactsDir">;

const refused = (detail: string): DakError => new DakError("STATE_CONFLICT", detail);
const hashOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Where a file of the backup belongs. */
function placeOf(name: string, { dataDir, artifactsDir }: Places): string {
	return name.startsWith("artifacts/") ? join(artifactsDir, name.slice("artifacts/".length)) : join(dataDir, name);
}

/** Names of all whole files below a folder; what begins with a point is not finished yet. */
function filesBelow(folder: string): string[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		if (entry.name.startsWith(".")) return [];
		if (entry.isDirectory()) return filesBelow(join(folder, entry.name)).map((name) => `${entry.name}/${name}`);
		return entry.isFile() ? [entry.name] : [];
	});
}

function sources({ dataDir, artifactsDir }: Places): string[] {
	const own = FOLDERS.flatMap((folder) => filesBelow(join(dataDir, folder)).map((name) => `${folder}/${name}`));
	return [...own, ...filesBelow(join(artifactsDir, "adapters")).map((name) => `artifacts/adapters/${name}`)];
}

/** A snapshot that is whole, whatever is written meanwhile. @returns how many jobs it has */
function snapshot(from: string, to: string): number {
	const db = new Database(from);
	try {
		db.prepare("VACUUM INTO ?").run(to);
	} finally {
		db.close();
	}
	return checkedStore(to);
}

/** @throws STORAGE_FAILED if the file is no whole job store */
function checkedStore(file: string): number {
	const db = new Database(file);
	try {
		const [{ integrity_check: found }] = db.prepare("PRAGMA integrity_check").all() as [{ integrity_check: string }];
		if (found !== "ok") throw new DakError("STORAGE_FAILED", `${file}: ${found.slice(0, 200)}`);
		return (db.prepare("SELECT count(*) AS jobs FROM jobs").get() as { jobs: number }).jobs;
	} finally {
		db.close();
	}
}

/** Copies a file. @returns its SHA-256; undefined where it is gone */
function copied(from: string, to: string): string | undefined {
	mkdirSync(dirname(to), { recursive: true });
	try {
		copyFileSync(from, to);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
	return hashOf(to);
}

/** Writes a backup into a new folder, which appears when it is whole. @throws STATE_CONFLICT if the folder is there or there is no job store */
export function backup(target: string, places: Places): BackupSummary {
	const store = join(places.dataDir, STORE);
	if (existsSync(target)) throw refused(`found ${target}; allowed: a folder that is not there yet`);
	if (!existsSync(store)) throw refused(`found no ${store}; allowed: a DAK_DATA_DIR that train-service has run in`);
	const staging = `${target}.partial`;
	rmSync(staging, { recursive: true, force: true });
	mkdirSync(staging, { recursive: true });
	const jobs = snapshot(store, join(staging, STORE));
	const files: Record<string, string> = { [STORE]: hashOf(join(staging, STORE)) };
	for (const name of sources(places)) {
		const hash = copied(placeOf(name, places), join(staging, name));
		if (hash !== undefined) files[name] = hash;
	}
	const index = { format: 1, tool_version: TOOL_VERSION, created_at: new Date().toISOString(), jobs, files };
	writeFileSync(join(staging, INDEX), JSON.stringify(index, null, 2));
	renameSync(staging, target);
	return { folder: target, jobs, files: Object.keys(files).length };
}

/**
 * Puts a backup into a data folder that has no job store. Everything is checked before anything is written; train-service then takes up
 * what had not ended. @throws STATE_CONFLICT, STORAGE_FAILED naming the file that is not as it was written
 */
export function restore(source: string, places: Places): BackupSummary {
	if (!existsSync(join(source, INDEX))) throw refused(`found no ${INDEX} in ${source}; allowed: a folder that dak backup made`);
	const { jobs, files } = parseOrThrow(indexSchema, JSON.parse(readFileSync(join(source, INDEX), "utf8")));
	if (existsSync(join(places.dataDir, STORE)))
		throw refused(`found a job store in ${places.dataDir}; allowed: a DAK_DATA_DIR without one (move it away first)`);
	for (const [name, hash] of Object.entries(files)) check(join(source, name), name, hash);
	checkedStore(join(source, STORE));
	for (const name of Object.keys(files)) if (name !== STORE) copied(join(source, name), placeOf(name, places));
	// Last: a data folder with a job store is one that is whole.
	const store = join(places.dataDir, STORE);
	mkdirSync(places.dataDir, { recursive: true });
	copyFileSync(join(source, STORE), `${store}.partial`);
	renameSync(`${store}.partial`, store);
	return { folder: places.dataDir, jobs, files: Object.keys(files).length };
}

function check(path: string, name: string, hash: string): void {
	if (name.split("/").includes("..") || name.startsWith("/"))
		throw new DakError("STORAGE_FAILED", `${INDEX} names ${name}, outside of the backup`);
	const found = existsSync(path) ? hashOf(path) : "nothing";
	if (found !== hash) throw new DakError("STORAGE_FAILED", `${path}: found ${found}, ${INDEX} says ${hash}`);
}
