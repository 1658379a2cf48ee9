/** Where published adapters lie: the seam behind which a folder, and later an object store, keeps them. */

export interface PublishedAdapter {
	readonly name: string;
	/** Another one for each publication and each content. */
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
	/**
	 * Moves a whole adapter folder into the store. `staged` must lie on the store's file system, and is consumed.
	 * @throws INVALID_REQUEST for a name that is not allowed, STORAGE_FAILED
	 */
	publishAdapter(name: string, staged: string): PublishedAdapter;
	/** A fresh folder to write an adapter into before publishing it. */
	stage(id: string): string;
	/** Removes a staged folder, if it is there. */
	discard(id: string): void;
	/** Calls back after something was published or removed. Returns a function that ends it. */
	watch(onChange: () => void): () => void;
}

export const ADAPTER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
