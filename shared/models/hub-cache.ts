/** The hub cache that this machine's Python programs fill: a model that lies there is read in place. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isModelFolder } from "./files.js";

/** The cache's folder below HF_HOME. @source huggingface_hub, constants.py */
export const hubCacheFolder = (home: string | undefined): string => join(home ?? join(homedir(), ".cache", "huggingface"), "hub");

/** The snapshot that a repository's `main` points to. */
export function findSnapshot(cache: string, repository: string): string | undefined {
	const main = join(cache, repository, "refs", "main");
	if (!existsSync(main)) return undefined;
	const revision = readFileSync(main, "utf8").trim();
	return /^[0-9a-f]{40,64}$/.test(revision) ? join(cache, repository, "snapshots", revision) : undefined;
}

/** A model's snapshot, if it is there and holds the weights as safetensors. */
export function findInHubCache(cache: string, hubId: string): string | undefined {
	const snapshot = findSnapshot(cache, `models--${hubId.replace("/", "--")}`);
	if (snapshot === undefined) return undefined;
	return isModelFolder(snapshot) && existsSync(join(snapshot, "tokenizer.json")) ? snapshot : undefined;
}
