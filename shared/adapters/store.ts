/** Where published adapters lie: the seam behind which a folder, and later an object store, keeps them. */

export interface PublishedAdapter {
	readonly name: string;
	/** Another one for each publication and each content. */
	readonly version: string;
	/** Its place among the published versions of its name, from 1: the same wherever it is looked at from. */
	readonly ordinal: number;
	/** Relative to the store's root. */
	readonly source: string;
}

export interface ArtifactStore {
	/** The newest version of each adapter, by name. */
	listAdapters(): Promise<PublishedAdapter[]>;
	/** The newest version. @throws ADAPTER_NOT_FOUND */
	resolveAdapter(name: string): Promise<PublishedAdapter>;
	/**
	 * The folder on this machine of an adapter anywhere below the root, such as a published one's `source`; brought here if need be.
	 * @throws ADAPTER_NOT_FOUND, PERMISSION_DENIED for a path that leaves the root
	 */
	resolvePath(path: string): Promise<string>;
	/**
	 * Moves a whole adapter folder, made by `stage`, into the store; it is consumed.
	 * @throws INVALID_REQUEST for a name that is not allowed, STORAGE_FAILED
	 */
	publishAdapter(name: string, staged: string): Promise<PublishedAdapter>;
	/** A fresh folder to write an adapter into before publishing it. */
	stage(id: string): string;
	/** Removes a staged folder, if it is there. */
	discard(id: string): void;
	/** Removes what this process' predecessors have staged and left. Only where no other process stages. */
	discardAll(): void;
	/** Calls back after something was published or removed. Returns a function that ends it. */
	watch(onChange: () => void): () => void;
}

export const ADAPTER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
