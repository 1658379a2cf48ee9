/**
 * Where published adapters lie. Each publication is a folder of its own, named by its time and content, that appears by
 * one rename: a reader sees it whole or not at all, and an older version stays readable while requests still use it.
 *
 *     <root>/adapters/<name>/<version>/adapter_config.json …
 */
import { createHash } from "node:crypto";
import {
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	statSync,
	watch,
} from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { DakError } from "../errors/index.js";
import { CONFIG_FILE, WEIGHTS_FILE } from "./read.js";

export interface PublishedAdapter {
	readonly name: string;
	/** Sorts by time of publication; its last part is a hash of the content. */
	readonly version: string;
	/** Absolute. */
	readonly path: string;
	/** Relative to the store's root. */
	readonly source: string;
}

export interface ArtifactStore {
	/** The newest version of each adapter, by name. */
	listAdapters(): PublishedAdapter[];
	/** The newest version. @throws ADAPTER_NOT_FOUND */
	resolveAdapter(name: string): PublishedAdapter;
	/** An adapter folder anywhere below the root. @throws ADAPTER_NOT_FOUND, PERMISSION_DENIED for a path that leaves it */
	resolvePath(path: string): string;
	/** Moves a whole adapter folder into the store. `staged` must lie on the store's file system, and is consumed. */
	publishAdapter(name: string, staged: string): PublishedAdapter;
	/** A fresh folder to write an adapter into before publishing it. */
	stage(id: string): string;
	/** Removes a staged folder, if it is there. */
	discard(id: string): void;
	/** Calls back after something was published or removed. Returns a function that ends it. */
	watch(onChange: () => void): () => void;
}

export const ADAPTER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
const STAGING = ".staging";
/** Between polls, for file systems that do not announce changes. */
const POLL_MS = 1000;
const DEBOUNCE_MS = 50;

/** The real path of `path` below `root`. @throws PERMISSION_DENIED if it leaves the root, by `..`, as an absolute path or by a link */
export function jailedPath(root: string, path: string): string {
	const refuse = () => new DakError("PERMISSION_DENIED", `path ${JSON.stringify(path)} leaves its root; allowed: a relative path below it`);
	if (isAbsolute(path) || path.includes("\0")) throw refuse();
	const wanted = resolve(root, path);
	const inside = (base: string, target: string) => target === base || target.startsWith(base + sep);
	if (!inside(resolve(root), wanted)) throw refuse();
	if (!existsSync(wanted)) return wanted;
	const real = realpathSync(wanted);
	if (!inside(realpathSync(root), real)) throw refuse();
	return real;
}

const isAdapterFolder = (folder: string): boolean => existsSync(join(folder, CONFIG_FILE)) && existsSync(join(folder, WEIGHTS_FILE));
const foldersIn = (folder: string): string[] =>
	existsSync(folder)
		? readdirSync(folder, { withFileTypes: true })
				.filter((entry) => entry.isDirectory())
				.map((entry) => entry.name)
				.sort()
		: [];

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

export class FolderArtifactStore implements ArtifactStore {
	constructor(private readonly root: string) {
		mkdirSync(join(root, "adapters"), { recursive: true });
	}

	listAdapters(): PublishedAdapter[] {
		return foldersIn(join(this.root, "adapters")).flatMap((name) => {
			const newest = this.#newest(name);
			return newest ? [newest] : [];
		});
	}

	resolveAdapter(name: string): PublishedAdapter {
		const newest = ADAPTER_NAME.test(name) ? this.#newest(name) : undefined;
		if (!newest) throw new DakError("ADAPTER_NOT_FOUND", `adapter ${JSON.stringify(name.slice(0, 128))} is not in the artifact store`);
		return newest;
	}

	resolvePath(path: string): string {
		const folder = jailedPath(this.root, path);
		if (!isAdapterFolder(folder))
			throw new DakError(
				"ADAPTER_NOT_FOUND",
				`${JSON.stringify(path)}: no adapter folder (${CONFIG_FILE} and ${WEIGHTS_FILE}) below the artifact root`,
			);
		return folder;
	}

	discard(id: string): void {
		rmSync(join(this.root, STAGING, id), { recursive: true, force: true });
	}

	stage(id: string): string {
		this.discard(id);
		const folder = join(this.root, STAGING, id);
		mkdirSync(folder, { recursive: true });
		return folder;
	}

	publishAdapter(name: string, staged: string): PublishedAdapter {
		if (!ADAPTER_NAME.test(name))
			throw new DakError("INVALID_REQUEST", `adapter name ${JSON.stringify(name)}: allowed: 1 to 128 letters, digits, '.', '_' or '-'`);
		if (!isAdapterFolder(staged)) throw new DakError("INTERNAL", `${staged} is no whole adapter folder`);
		syncFolder(staged);
		const hash = createHash("sha256")
			.update(readFileSync(join(staged, WEIGHTS_FILE)))
			.digest("hex")
			.slice(0, 12);
		const version = `${this.#nextTime(name)}-${hash}`;
		const path = join(this.root, "adapters", name, version);
		mkdirSync(dirname(path), { recursive: true });
		renameSync(staged, path);
		syncPath(dirname(path));
		return this.#published(name, version);
	}

	watch(onChange: () => void): () => void {
		const folder = join(this.root, "adapters");
		let seen = this.#state();
		let timer: NodeJS.Timeout | undefined;
		const check = () => {
			timer = undefined;
			const now = this.#state();
			if (now === seen) return;
			seen = now;
			onChange();
		};
		const soon = () => {
			timer ??= setTimeout(check, DEBOUNCE_MS);
		};
		const watcher = watch(folder, { recursive: true }, soon);
		watcher.on("error", () => watcher.close());
		const poll = setInterval(soon, POLL_MS);
		return () => {
			watcher.close();
			clearInterval(poll);
			clearTimeout(timer);
		};
	}

	#newest(name: string): PublishedAdapter | undefined {
		const versions = foldersIn(join(this.root, "adapters", name)).filter((version) =>
			isAdapterFolder(join(this.root, "adapters", name, version)),
		);
		const version = versions.at(-1);
		return version === undefined ? undefined : this.#published(name, version);
	}

	#published(name: string, version: string): PublishedAdapter {
		const path = join(this.root, "adapters", name, version);
		return { name, version, path, source: relative(this.root, path) };
	}

	/** Milliseconds since 1970, later than any version before: a clock that was set back must not hide a new adapter. */
	#nextTime(name: string): string {
		const last = Number(
			foldersIn(join(this.root, "adapters", name))
				.at(-1)
				?.split("-")[0] ?? 0,
		);
		return String(Math.max(Date.now(), last + 1)).padStart(14, "0");
	}

	#state(): string {
		return this.listAdapters()
			.map(({ name, version, path }) => `${name}/${version}/${statSync(path, { throwIfNoEntry: false })?.ino}`)
			.join("|");
	}
}
