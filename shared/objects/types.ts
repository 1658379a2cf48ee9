/** One file of a kept folder. */
export interface FolderFile {
	/** Within the folder, with slashes. */
	readonly path: string;
	/** On this machine. */
	readonly file: string;
}

/** Folders that every machine can have: each appears whole or not at all, and comes back byte for byte as it was put in. */
export interface SharedFolders {
	/**
	 * Keeps files as a folder, in place of what had the name before. `ifAbsent`: only where nothing has it.
	 * @returns false where something has it · @throws UNAVAILABLE, STORAGE_FAILED; then nothing of it can be seen
	 */
	put(name: string, files: readonly FolderFile[], options?: { readonly ifAbsent?: boolean }): Promise<boolean>;
	/** Brings a folder to this machine, where it appears whole; one that is there stays. @returns false where nothing has the name */
	fetch(name: string, folder: string): Promise<boolean>;
	/** One small file of a folder; undefined where it is not. */
	readFile(name: string, path: string): Promise<Buffer | undefined>;
	/** Names below a name, without it, in their order. */
	list(under: string): Promise<string[]>;
	remove(name: string): Promise<void>;
}
