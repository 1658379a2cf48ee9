/** Fetches a base model from the hub: listed by @huggingface/hub, each file resumed where it broke off and checked against the listed hash. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { HubApiError, type ListFileEntry, listFiles } from "@huggingface/hub";
import { DakError } from "../errors/index.js";
import { downloadFile, type RemoteFile } from "./download.js";
import { isWanted, missingFiles } from "./files.js";

export interface HubSettings {
	/** The hub's address, without a path behind it. */
	readonly endpoint: string;
	/** Sent to the endpoint, to no host that it refers to. */
	readonly token?: string | undefined;
}

/** How long the hub may take to answer before it counts as not reachable. */
const ANSWER_MS = 5_000;
/** More than any sentence encoder takes; a listing beyond it is refused before a byte is fetched. */
const MAX_MODEL_BYTES = 16 * 2 ** 30;

const headersOf = ({ token }: HubSettings): Record<string, string> => (token === undefined ? {} : { authorization: `Bearer ${token}` });

/** The library takes only tokens of the public hub's form, and knows no deadline: both are added here. */
function hubFetch(hub: HubSettings): typeof fetch {
	const { origin } = new URL(hub.endpoint);
	return (url, init) => {
		const own = new URL(String(url)).origin === origin ? headersOf(hub) : {};
		return fetch(url, { ...init, headers: { accept: "application/json", ...own }, signal: AbortSignal.timeout(ANSWER_MS) });
	};
}

/** What a hub keeps: each kind has addresses of its own. */
export type HubKind = "model" | "dataset";

/** Lists the wanted files of a repository. @throws MODEL_NOT_FOUND or DATASET_NOT_FOUND with the hub's answer */
export async function listHubFiles(
	kind: HubKind,
	hubId: string,
	hub: HubSettings,
	wanted: (path: string) => boolean,
): Promise<RemoteFile[]> {
	const files: RemoteFile[] = [];
	try {
		const entries = listFiles({
			repo: { type: kind, name: hubId },
			recursive: true,
			hubUrl: hub.endpoint.replace(/\/+$/, ""),
			fetch: hubFetch(hub),
		});
		for await (const entry of entries) if (entry.type === "file" && wanted(entry.path)) files.push(remoteFile(kind, entry, hubId, hub));
	} catch (cause) {
		throw new DakError(kind === "model" ? "MODEL_NOT_FOUND" : "DATASET_NOT_FOUND", `${hubId}: ${explain(kind, cause, hub)}`, { cause });
	}
	return files;
}

/** Files of a hub model that make a base model. @throws MODEL_NOT_FOUND with the hub's answer, INVALID_MODEL for a model without safetensors */
export async function listHubModel(hubId: string, hub: HubSettings): Promise<RemoteFile[]> {
	const files = await listHubFiles("model", hubId, hub, isWanted);
	const missing = missingFiles(files.map(({ path }) => path));
	if (missing.length > 0)
		throw new DakError("INVALID_MODEL", `${hubId}: the hub has no ${missing.join(", ")} for it; weights are read as safetensors only`);
	const bytes = totalBytes(files);
	if (bytes > MAX_MODEL_BYTES) throw new DakError("INVALID_MODEL", `${hubId}: ${bytes} bytes, allowed: ${MAX_MODEL_BYTES}`);
	return files;
}

export const totalBytes = (files: readonly RemoteFile[]): number => files.reduce((sum, file) => sum + file.bytes, 0);

function remoteFile(kind: HubKind, entry: ListFileEntry, hubId: string, { endpoint }: HubSettings): RemoteFile {
	const base = `${endpoint.replace(/\/+$/, "")}${kind === "dataset" ? "/datasets" : ""}`;
	const url = `${base}/${hubId}/resolve/main/${entry.path.split("/").map(encodeURIComponent).join("/")}`;
	const hash = entry.lfs ? ({ kind: "sha256", hex: entry.lfs.oid } as const) : ({ kind: "git", hex: entry.oid ?? "" } as const);
	// The hash becomes part of a file's name, so it has to be one.
	if (!/^[0-9a-f]{40,64}$/.test(hash.hex)) throw new Error(`it lists no hash for ${entry.path}`);
	return { path: entry.path, url, bytes: entry.lfs?.size ?? entry.size, hash };
}

/** What went wrong, in words that say what to do; the token is never part of it. */
function explain(kind: HubKind, error: unknown, { endpoint, token }: HubSettings): string {
	if (error instanceof HubApiError) {
		const { statusCode: status } = error;
		if (status === 404) return `${endpoint} has no such ${kind}`;
		if (status === 401 || status === 403)
			return `${endpoint} answered ${status}: no such ${kind}, or one that needs ${token === undefined ? "a token (HF_TOKEN)" : "another token than the one in HF_TOKEN"}`;
		return `${endpoint} answered ${status}`;
	}
	const { name, message, cause } = error as Error & { cause?: Error };
	return `${endpoint} could not be reached (${name === "TimeoutError" ? `no answer within ${ANSWER_MS} ms` : (cause?.message ?? message)})`;
}

/** Fetches listed files into `folder`; what is there already and right is kept. @throws UNAVAILABLE if the hub keeps breaking off, INVALID_MODEL for a wrong hash */
export async function fetchHubFiles(
	files: readonly RemoteFile[],
	folder: string,
	hub: HubSettings,
	onProgress: (line: string) => void,
): Promise<void> {
	const progress = new Progress(totalBytes(files), onProgress);
	for (const file of files) {
		const target = join(folder, file.path);
		mkdirSync(dirname(target), { recursive: true });
		await downloadFile(file, target, { headers: headersOf(hub), onBytes: (bytes) => progress.add(bytes) });
	}
}

/** Says how much is there, at each twentieth. */
class Progress {
	#done = 0;
	#said = 0;

	constructor(
		private readonly total: number,
		private readonly say: (line: string) => void,
	) {}

	add(bytes: number): void {
		this.#done += bytes;
		const part = Math.floor((20 * this.#done) / Math.max(1, this.total));
		if (part <= this.#said) return;
		this.#said = part;
		this.say(`fetched ${(this.#done / 1e6).toFixed(0)} of ${(this.total / 1e6).toFixed(0)} MB`);
	}
}
