/**
 * Published adapters in a folder. Each publication is a folder of its own, named by its time and content, that appears by
 * one rename: a reader sees it whole or not at all, and an older version stays readable while requests still use it.
 *
 *     <root>/adapters/<name>/<version>/adapter_config.json …
 *
 * A version placed by hand, under any name, ranks below published ones.
 */
import { createHash } from "node:crypto";
import {
	closeSync,
	existsSync,
	type FSWatcher,
	fsyncSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	watch,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { assert, DakError, storageText } from "../errors/index.js";
import { jailedPath } from "./jailed-path.js";
import { CONFIG_FILE, MANIFEST_FILE, WEIGHTS_FILE } from "./read.js";
import { ADAPTER_NAME, type ArtifactStore, type PublishedAdapter } from "./store.js";

const STAGING = ".staging";
/** Between polls, for file systems that do not announce changes. */
const POLL_MS = 1000;
const DEBOUNCE_MS = 50;

const isAdapterFolder = (folder: string): boolean => existsSync(join(folder, CONFIG_FILE)) && existsSync(join(folder, WEIGHTS_FILE));
/** What publishAdapter names a version: milliseconds since 1970, and a hash of the content. */
const PUBLISHED = /^\d{14}-[0-9a-f]{12}$/;

function foldersIn(folder: string): string[] {
	try {
		const entries = readdirSync(folder, { withFileTypes: true });
		return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
	} catch (error) {
		if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
		throw error;
	}
}

/** Calls back when something below a folder changes; without it where the system gives no more watches, and the poll is left. */
function watchFolder(folder: string, onEvent: () => void): FSWatcher | undefined {
	try {
		const watcher = watch(folder, { recursive: true }, onEvent);
		watcher.on("error", () => watcher.close());
		return watcher;
	} catch {
		return undefined;
	}
}

/** Brings a folder's files to the disk before it is published. */
function syncFolder(folder: string): void {
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) syncFolder(path);
		else syncPath(path);
	}
	syncPath(folder);
}

function syncPath(path: string): void {
	const descriptor = openSync(path, "r");
	try {
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}

function contentHash(folder: string): string {
	const hash = createHash("sha256");
	for (const file of [WEIGHTS_FILE, MANIFEST_FILE]) if (existsSync(join(folder, file))) hash.update(readFileSync(join(folder, file)));
	return hash.digest("hex").slice(0, 12);
}

export class FolderArtifactStore implements ArtifactStore {
	constructor(private readonly root: string) {
		mkdirSync(this.#folder, { recursive: true });
	}

	async listAdapters(): Promise<PublishedAdapter[]> {
		return this.#list();
	}

	#list(): PublishedAdapter[] {
		return foldersIn(this.#folder)
			.filter((name) => ADAPTER_NAME.test(name))
			.flatMap((name) => this.#newest(name) ?? []);
	}

	async resolveAdapter(name: string): Promise<PublishedAdapter> {
		const newest = ADAPTER_NAME.test(name) ? this.#newest(name) : undefined;
		if (!newest) throw new DakError("ADAPTER_NOT_FOUND", `adapter ${JSON.stringify(name.slice(0, 128))} is not in the artifact store`);
		return newest;
	}

	async resolvePath(path: string): Promise<string> {
		const folder = jailedPath(this.root, path);
		if (!isAdapterFolder(folder))
			throw new DakError(
				"ADAPTER_NOT_FOUND",
				`${JSON.stringify(path.slice(0, 256))}: no adapter folder (${CONFIG_FILE} and ${WEIGHTS_FILE}) below the artifact root`,
			);
		// A folder below the root whose files are links to elsewhere leaves it too.
		for (const file of [CONFIG_FILE, WEIGHTS_FILE, MANIFEST_FILE]) jailedPath(this.root, join(path, file));
		return folder;
	}

	discard(id: string): void {
		rmSync(this.#staging(id), { recursive: true, force: true });
	}

	discardAll(): void {
		rmSync(join(this.root, STAGING), { recursive: true, force: true });
	}

	stage(id: string): string {
		this.discard(id);
		const folder = this.#staging(id);
		mkdirSync(folder, { recursive: true });
		return folder;
	}

	async publishAdapter(name: string, staged: string): Promise<PublishedAdapter> {
		if (!ADAPTER_NAME.test(name))
			throw new DakError(
				"INVALID_REQUEST",
				`adapter name ${JSON.stringify(name.slice(0, 256))}: allowed: 1 to 128 letters, digits, '.', '_' or '-'`,
			);
		assert(isAdapterFolder(staged), `${staged} is a whole adapter folder`);
		try {
			syncFolder(staged);
			const version = `${this.#nextTime(name)}-${contentHash(staged)}`;
			const path = join(this.#folder, name, version);
			mkdirSync(dirname(path), { recursive: true });
			renameSync(staged, path);
			syncPath(dirname(path));
			syncPath(this.#folder);
			const versions = foldersIn(dirname(path)).filter((each) => PUBLISHED.test(each));
			return this.#published(name, version, version, 1 + versions.indexOf(version));
		} catch (cause) {
			throw new DakError("STORAGE_FAILED", `adapter ${name} could not be published: ${storageText(cause)}`, { cause });
		}
	}

	watch(onChange: () => void): () => void {
		let seen = this.#state();
		let timer: NodeJS.Timeout | undefined;
		const check = () => {
			timer = undefined;
			try {
				const now = this.#state();
				if (now === seen) return;
				seen = now;
			} catch {
				return; // The folder cannot be read at the moment; the next poll looks again.
			}
			onChange();
		};
		const soon = () => {
			timer ??= setTimeout(check, DEBOUNCE_MS);
		};
		const watcher = watchFolder(this.#folder, soon);
		const poll = setInterval(soon, POLL_MS);
		return () => {
			watcher?.close();
			clearInterval(poll);
			clearTimeout(timer);
		};
	}

	get #folder(): string {
		return join(this.root, "adapters");
	}

	#staging(id: string): string {
		assert(ADAPTER_NAME.test(id), `${JSON.stringify(id)} can name a folder`);
		return join(this.root, STAGING, id);
	}

	#newest(name: string): PublishedAdapter | undefined {
		const folders = foldersIn(join(this.#folder, name)).filter((folder) => isAdapterFolder(join(this.#folder, name, folder)));
		const versions = folders.filter((each) => PUBLISHED.test(each));
		const folder = versions.at(-1);
		if (folder !== undefined) return this.#published(name, folder, folder, versions.length);
		const placed = folders.at(-1);
		return placed === undefined ? undefined : this.#published(name, placed, this.#placedVersion(name, placed), 1);
	}

	/** A folder that is copied in by hand can be seen half there: it is another version each time its weights have changed. */
	#placedVersion(name: string, folder: string): string {
		const stat = statSync(join(this.#folder, name, folder, WEIGHTS_FILE), { throwIfNoEntry: false });
		return `${folder}:${stat?.size}:${stat?.mtimeMs}`;
	}

	#published(name: string, folder: string, version: string, ordinal: number): PublishedAdapter {
		const path = join(this.#folder, name, folder);
		return { name, version, ordinal, source: relative(this.root, path) };
	}

	/** Milliseconds since 1970, later than any version before: a clock that was set back must not hide a new adapter. */
	#nextTime(name: string): string {
		const last = foldersIn(join(this.#folder, name)).findLast((folder) => PUBLISHED.test(folder));
		return String(Math.max(Date.now(), Number(last?.split("-")[0] ?? 0) + 1)).padStart(14, "0");
	}

	#state(): string {
		return this.#list()
			.map(({ name, version }) => `${name}/${version}`)
			.join("|");
	}
}
