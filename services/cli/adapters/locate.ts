/** An adapter by what people call it: a folder, a name in this machine's artifact store, or one that a service has. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { type Adapter, CONFIG_FILE, FolderArtifactStore, readAdapter } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import type { Cli, Connection } from "../command/index.js";
import { fetchOutput, jobOfAdapter } from "./fetch.js";

export interface Located {
	readonly adapter: Adapter;
	/** Where it was read from, for people. */
	readonly from: string;
}

/** Above what any service loads. */
const MAX_RANK = 4096;

const read = (folder: string, name: string, from = folder): Located => ({
	adapter: readAdapter(folder, { name, maxRank: MAX_RANK }),
	from,
});

async function inStore(artifactsDir: string, name: string): Promise<string | undefined> {
	if (!existsSync(artifactsDir)) return undefined;
	try {
		const store = new FolderArtifactStore(artifactsDir);
		return await store.resolvePath((await store.resolveAdapter(name)).source);
	} catch (error) {
		if (error instanceof DakError && error.reason === "ADAPTER_NOT_FOUND") return undefined;
		throw error;
	}
}

/** @throws DakError ADAPTER_NOT_FOUND, ADAPTER_INCOMPATIBLE for a folder that cannot be read as an adapter */
export async function locate(cli: Cli, connection: Connection, ref: string): Promise<Located> {
	if (existsSync(join(ref, CONFIG_FILE))) return read(resolve(ref), basename(resolve(ref)));
	// A folder of the same name in the working directory does not hide an adapter; what has a slash is meant as a path.
	if (/[\\/]/.test(ref) && existsSync(ref))
		throw new DakError("ADAPTER_INCOMPATIBLE", `${ref}: found no ${CONFIG_FILE} in it; allowed: an adapter's folder, or a name`);
	const stored = await inStore(cli.config.artifactsDir, ref);
	if (stored !== undefined) return read(stored, ref);
	const scratch = mkdtempSync(join(tmpdir(), "dak-adapter-"));
	try {
		return await cli.withClient(connection, async (dak) => {
			const job = await jobOfAdapter(dak, ref);
			await fetchOutput(dak, job, "peft", join(scratch, "adapter"));
			return read(join(scratch, "adapter"), ref, `${job.id} of train-service`);
		});
	} finally {
		rmSync(scratch, { recursive: true, force: true });
	}
}
