/**
 * Published adapters in an S3-compatible store, with this machine's copies in a folder. An adapter is there once its index object is
 * (shared/objects): readers see it whole or not at all, and two that publish at once get two versions.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { assert, DakError } from "../errors/index.js";
import { filesOf } from "../objects/files.js";
import type { SharedFolders } from "../objects/types.js";
import { jailedPath } from "./jailed-path.js";
import { CONFIG_FILE, MANIFEST_FILE, WEIGHTS_FILE } from "./read.js";
import { ADAPTER_NAME, type ArtifactStore, type PublishedAdapter } from "./store.js";

const STAGING = ".staging";
const ADAPTERS = "adapters";
const POLL_MS = 1000;

const isAdapterFolder = (folder: string): boolean => existsSync(join(folder, CONFIG_FILE)) && existsSync(join(folder, WEIGHTS_FILE));

export class S3ArtifactStore implements ArtifactStore {
	/** `folder`: this machine's copies, and what is written before it is published. */
	constructor(
		private readonly folders: SharedFolders,
		private readonly folder: string,
	) {
		mkdirSync(folder, { recursive: true });
	}

	async listAdapters(): Promise<PublishedAdapter[]> {
		const newest = new Map<string, PublishedAdapter>();
		// In their order: a later version takes an earlier one's place.
		for (const each of await this.folders.list(ADAPTERS)) {
			const [name = "", version = ""] = each.split("/");
			if (ADAPTER_NAME.test(name)) newest.set(name, published(name, version, 1 + (newest.get(name)?.ordinal ?? 0)));
		}
		return [...newest.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	async resolveAdapter(name: string): Promise<PublishedAdapter> {
		const versions = ADAPTER_NAME.test(name) ? await this.#versions(name) : [];
		const version = versions.at(-1);
		if (version === undefined)
			throw new DakError("ADAPTER_NOT_FOUND", `adapter ${JSON.stringify(name.slice(0, 128))} is not in the artifact store`);
		return published(name, version, versions.length);
	}

	async resolvePath(path: string): Promise<string> {
		const folder = jailedPath(this.folder, path);
		if (isAdapterFolder(folder)) return folder;
		const name = relative(this.folder, folder).split(sep).join("/");
		if (name !== "" && (await this.folders.fetch(name, folder)) && isAdapterFolder(folder)) return folder;
		throw new DakError("ADAPTER_NOT_FOUND", `${JSON.stringify(path.slice(0, 256))}: no adapter of this name is in the artifact store`);
	}

	async publishAdapter(name: string, staged: string): Promise<PublishedAdapter> {
		if (!ADAPTER_NAME.test(name))
			throw new DakError(
				"INVALID_REQUEST",
				`adapter name ${JSON.stringify(name.slice(0, 256))}: allowed: 1 to 128 letters, digits, '.', '_' or '-'`,
			);
		assert(isAdapterFolder(staged), `${staged} is a whole adapter folder`);
		const files = filesOf(staged);
		const hash = contentHash(staged);
		for (;;) {
			const version = `${await this.#nextTime(name)}-${hash}`;
			const source = `${ADAPTERS}/${name}/${version}`;
			if (!(await this.folders.put(source, files, { ifAbsent: true }))) continue;
			this.#keep(staged, join(this.folder, source));
			return published(name, version, 1 + (await this.#versions(name)).indexOf(version));
		}
	}

	discard(id: string): void {
		rmSync(this.#staging(id), { recursive: true, force: true });
	}

	discardAll(): void {
		rmSync(join(this.folder, STAGING), { recursive: true, force: true });
	}

	stage(id: string): string {
		this.discard(id);
		const folder = this.#staging(id);
		mkdirSync(folder, { recursive: true });
		return folder;
	}

	watch(onChange: () => void): () => void {
		let seen: string | undefined;
		let stopped = false;
		const look = async () => {
			const now = (await this.folders.list(ADAPTERS)).join("|");
			// What was published between the caller's own look and the first one here must not be missed.
			const changed = seen === undefined ? now !== "" : seen !== now;
			seen = now;
			if (changed && !stopped) onChange();
		};
		// A store that cannot be read at the moment is looked at again.
		const lookAgain = () => look().catch(() => {});
		let looking = lookAgain();
		const poll = setInterval(() => {
			looking = looking.then(lookAgain);
		}, POLL_MS);
		return () => {
			stopped = true;
			clearInterval(poll);
		};
	}

	/** What was published need not be fetched again. */
	#keep(staged: string, folder: string): void {
		try {
			mkdirSync(dirname(folder), { recursive: true });
			renameSync(staged, folder);
		} catch {
			// A copy less; it is fetched when it is asked for.
		}
	}

	#staging(id: string): string {
		assert(ADAPTER_NAME.test(id), `${JSON.stringify(id)} can name a folder`);
		return join(this.folder, STAGING, id);
	}

	#versions(name: string): Promise<string[]> {
		return this.folders.list(`${ADAPTERS}/${name}`);
	}

	/** Milliseconds since 1970, later than any version before: a clock that was set back must not hide a new adapter. */
	async #nextTime(name: string): Promise<string> {
		const last = (await this.#versions(name)).at(-1);
		return String(Math.max(Date.now(), Number(last?.split("-")[0] ?? 0) + 1)).padStart(14, "0");
	}
}

const published = (name: string, version: string, ordinal: number): PublishedAdapter => ({
	name,
	version,
	ordinal,
	source: `${ADAPTERS}/${name}/${version}`,
});

function contentHash(folder: string): string {
	const hash = createHash("sha256");
	for (const file of [WEIGHTS_FILE, MANIFEST_FILE]) if (existsSync(join(folder, file))) hash.update(readFileSync(join(folder, file)));
	return hash.digest("hex").slice(0, 12);
}
