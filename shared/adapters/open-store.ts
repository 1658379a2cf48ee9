import type { Config } from "../config/index.js";
import type { SharedFolders } from "../objects/types.js";
import { FolderArtifactStore } from "./folder-store.js";
import type { ArtifactStore } from "./store.js";

export interface Artifacts {
	readonly store: ArtifactStore;
	/** What other machines can have beside adapters; undefined where the store is a folder: what lies in it, they have. */
	readonly folders?: SharedFolders | undefined;
}

/** The artifact store that DAK_ARTIFACTS says. S3's library is loaded where it is needed only. */
export async function openArtifacts({ artifacts, artifactsDir }: Pick<Config, "artifacts" | "artifactsDir">): Promise<Artifacts> {
	if (artifacts.kind === "folder") return { store: new FolderArtifactStore(artifacts.path) };
	const [{ openObjectFolders }, { S3ArtifactStore }] = await Promise.all([import("../objects/object-folders.js"), import("./s3-store.js")]);
	const folders = openObjectFolders(artifacts);
	return { store: new S3ArtifactStore(folders, artifactsDir), folders };
}
