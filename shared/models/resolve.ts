/** Finds a base model by what users call it: a local folder, then the hub cache. Fetches nothing. */
import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { DakError } from "../errors/index.js";
import { isModelFolder } from "./files.js";
import { findInHubCache } from "./hub-cache.js";
import { modelName } from "./names.js";
import type { ModelFolder } from "./types.js";

export interface ResolveOptions {
	/** Local base models by folder name. */
	readonly modelsDir?: string | undefined;
	/** The hub cache of this machine's Python programs. */
	readonly hubCache?: string | undefined;
	/** Whether a path to any folder is taken. */
	readonly allowPaths?: boolean | undefined;
}

/** Where a model lies, or the places where it does not. */
export type Search = { readonly folder: ModelFolder } | { readonly folder: undefined; readonly tried: readonly string[] };

export function searchModel(ref: string, { modelsDir, hubCache, allowPaths = false }: ResolveOptions): Search {
	const name = modelName(ref);
	const looksLikePath = isAbsolute(ref) || ref.startsWith(".") || name === undefined || existsSync(ref);
	const places = [
		...(allowPaths && looksLikePath ? [resolve(ref)] : []),
		...(modelsDir !== undefined && name ? [...new Set([join(modelsDir, name.folder), join(modelsDir, name.hubId)])] : []),
	];
	for (const path of places) if (isModelFolder(path)) return { folder: { ref, path, source: "local" } };
	const cached = hubCache !== undefined && name ? findInHubCache(hubCache, name.hubId) : undefined;
	if (cached !== undefined) return { folder: { ref, path: cached, source: "hub-cache" } };
	const outside = name === undefined && !allowPaths ? ["nothing: paths are not allowed here, allowed: name or organisation/name"] : [];
	const cache = hubCache !== undefined && name ? [`hub cache ${hubCache}`] : [];
	return { folder: undefined, tried: [...places.map((path) => `folder ${path}`), ...cache, ...outside] };
}

export function notFound(ref: string, tried: readonly string[]): DakError {
	return new DakError(
		"MODEL_NOT_FOUND",
		`base model ${JSON.stringify(ref.slice(0, 200))} was not found; tried: ${tried.join("; ") || "nothing"}`,
	);
}

/** A model's folder on this machine. @throws MODEL_NOT_FOUND listing what was tried */
export async function resolveModel(ref: string, options: ResolveOptions = {}): Promise<ModelFolder> {
	const search = searchModel(ref, options);
	if (search.folder) return search.folder;
	throw notFound(ref, search.tried);
}

/** Names of the base models below a models directory. */
export function listModels(modelsDir: string): string[] {
	const below = (folder: string) =>
		existsSync(folder)
			? readdirSync(folder, { withFileTypes: true })
					.filter((entry) => !entry.name.startsWith(".") && !entry.isFile())
					.map(({ name }) => name)
			: [];
	return below(modelsDir).flatMap((name) => {
		if (isModelFolder(join(modelsDir, name))) return [name];
		return below(join(modelsDir, name))
			.filter((inner) => isModelFolder(join(modelsDir, name, inner)))
			.map((inner) => `${name}/${inner}`);
	});
}
