/** The hub cache that this machine's Python programs fill: a model that lies there is read in place. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isModelFolder } from "./files.js";

/** The cache's folder below HF_HOME. @source huggingface_hub, constants.py */
export const hubCacheFolder = (home: string | undefined): string => join(home ?? join(homedir(), ".cache", "huggingface"), "hub");

/** The snapshot that `main` points to, if it is there and holds the weights as safetensors. */
export function findInHubCache(cache: string, hubId: string): string | undefined {
	const folder = join(cache, `models--${hubId.replace("/", "--")}`);
	const main = join(folder, "refs", "main");
	if (!existsSync(main)) return undefined;
	const revision = readFileSync(main, "utf8").trim();
	if (!/^[0-9a-f]{40,64}$/.test(revision)) return undefined;
	const snapshot = join(folder, "snapshots", revision);
	return isModelFolder(snapshot) && existsSync(join(snapshot, "tokenizer.json")) ? snapshot : undefined;
}
