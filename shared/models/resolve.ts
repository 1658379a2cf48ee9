/** Finds a base model's folder by what users call it. */
import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { DakError } from "../errors/index.js";
import type { ModelFolder } from "./types.js";

export interface ResolveOptions {
	/** Local base models by folder name. */
	readonly modelsDir?: string | undefined;
	/** Whether a path to any folder is taken. */
	readonly allowPaths?: boolean | undefined;
}

const isModel = (folder: string): boolean => existsSync(join(folder, "config.json")) && existsSync(join(folder, "model.safetensors"));

/** @throws MODEL_NOT_FOUND listing what was tried */
export async function resolveModel(ref: string, { modelsDir, allowPaths = false }: ResolveOptions = {}): Promise<ModelFolder> {
	const tried: string[] = [];
	const name = ref.replace(/^sentence-transformers\//, "");
	const places = [
		...(allowPaths && (isAbsolute(ref) || ref.startsWith(".") || existsSync(ref)) ? [resolve(ref)] : []),
		...(modelsDir && /^[\w.-]+(\/[\w.-]+)?$/.test(name) && !name.includes("..") ? [join(modelsDir, name)] : []),
	];
	for (const path of places) {
		if (isModel(path)) return { ref, path, source: "local" };
		tried.push(path);
	}
	throw new DakError("MODEL_NOT_FOUND", `base model ${JSON.stringify(ref)} was not found; tried: ${tried.join(", ") || "nothing"}`);
}
