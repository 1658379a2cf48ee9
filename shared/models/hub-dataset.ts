/** A data set of the hub: read where this machine's Python programs have it, else fetched as a model is. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DakError, toDakError } from "../errors/index.js";
import type { RemoteFile } from "./download.js";
import { fetchHubFiles, listHubFiles, totalBytes } from "./hub.js";
import { findSnapshot } from "./hub-cache.js";
import { withLock } from "./lock.js";
import type { ModelSources } from "./sources.js";

export interface HubDatasetOptions extends Pick<ModelSources, "hub" | "hubCache"> {
	/** Fetched data sets lie below it. */
	readonly folder: string;
	/** Of a data set's files, those that are to be read. */
	readonly choose: (paths: readonly string[]) => readonly string[];
	/** Most bytes that are fetched. */
	readonly maxBytes: number;
	readonly onProgress?: ((line: string) => void) | undefined;
}

export interface HubDatasetFile {
	/** Within the data set. */
	readonly path: string;
	/** Absolute. */
	readonly place: string;
}

const NAME = /^([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})(?:\/(.+))?$/;

/** `owner/name`, or `owner/name/folder` for a part of it. */
function parsed(ref: string): { readonly id: string; readonly within: string } {
	const [, id, within = ""] = NAME.exec(ref) ?? [];
	if (id !== undefined && !ref.includes("..")) return { id, within };
	const detail = `found ${JSON.stringify(ref.slice(0, 200))}, allowed: owner/name, or owner/name/folder for a part of it`;
	throw new DakError("INVALID_DATASET", `/dataset/hub: ${detail}`, { fields: [{ pointer: "/dataset/hub", detail }] });
}

/** Paths of a listing are the hub's words: none may lead out of the folder that they are put in. */
const isBelow = (path: string, within: string): boolean =>
	!path.split("/").includes("..") && !path.startsWith("/") && (within === "" || path === within || path.startsWith(`${within}/`));

/** Refuses a data set that can be neither read nor fetched, without fetching it. @throws as `bringHubDataset` */
export async function checkHubDataset(ref: string, options: HubDatasetOptions): Promise<void> {
	const { id, within } = parsed(ref);
	if (inCache(id, within, options).length === 0) await listed(ref, id, within, options);
}

/**
 * The files of a data set, on this machine.
 * @throws DATASET_NOT_FOUND with what was tried, INVALID_DATASET for a wrong name, no files or too many bytes, UNAVAILABLE for a fetch that breaks off
 */
export async function bringHubDataset(ref: string, options: HubDatasetOptions): Promise<HubDatasetFile[]> {
	const { id, within } = parsed(ref);
	const cached = inCache(id, within, options);
	if (cached.length > 0) return cached;
	const files = await listed(ref, id, within, options);
	const target = join(options.folder, ...id.split("/"));
	const { hub, onProgress = () => {} } = options;
	await withLock(
		join(options.folder, ".fetching", `${id.replace("/", "--")}.lock`),
		() => fetchHubFiles(files, target, hub!, onProgress),
		() => onProgress(`another process is fetching ${id}; waiting for it`),
	).catch((error: unknown) => {
		throw asDataset(error);
	});
	return files.map(({ path }) => ({ path, place: join(target, path) }));
}

/** Files of the hub cache's snapshot; they are links to where the cache keeps the content. */
function inCache(id: string, within: string, { hubCache, choose }: HubDatasetOptions): HubDatasetFile[] {
	const snapshot = hubCache === undefined ? undefined : findSnapshot(hubCache, `datasets--${id.replace("/", "--")}`);
	if (snapshot === undefined || !existsSync(snapshot)) return [];
	const paths = readdirSync(snapshot, { recursive: true, encoding: "utf8" }).filter((path) => isBelow(path, within));
	const files = paths.filter((path) => statSync(join(snapshot, path)).isFile());
	return choose(files.sort()).map((path) => ({ path, place: join(snapshot, path) }));
}

async function listed(ref: string, id: string, within: string, { hub, choose, maxBytes }: HubDatasetOptions): Promise<RemoteFile[]> {
	if (!hub) throw new DakError("DATASET_NOT_FOUND", `/dataset/hub: ${id} is not on this machine, and no hub is set (HF_ENDPOINT)`);
	const all = await listHubFiles("dataset", id, hub, (path) => isBelow(path, within));
	const chosen = new Set(choose(all.map(({ path }) => path)));
	const files = all.filter(({ path }) => chosen.has(path));
	const bytes = totalBytes(files);
	if (files.length > 0 && bytes <= maxBytes) return files;
	const detail =
		files.length === 0
			? `${ref} has no file that can be read (${all.length} of other kinds)`
			: `${ref} has ${bytes} bytes, allowed: ${maxBytes}; name a part of it: owner/name/folder`;
	throw new DakError("INVALID_DATASET", `/dataset/hub: ${detail}`, { fields: [{ pointer: "/dataset/hub", detail }] });
}

/** The same failures under a data set's name. */
function asDataset(error: unknown): unknown {
	const { reason, message, cause } = toDakError(error);
	if (reason === "INVALID_MODEL") return new DakError("INVALID_DATASET", `/dataset/hub: ${message}`, { cause });
	if (reason === "MODEL_NOT_FOUND") return new DakError("DATASET_NOT_FOUND", `/dataset/hub: ${message}`, { cause });
	return error;
}
