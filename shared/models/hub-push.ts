/** Puts a folder's files into a repository of the hub, in one commit. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRepo, HubApiError, uploadFiles } from "@huggingface/hub";
import { DakError } from "../errors/index.js";
import type { HubSettings } from "./hub.js";

export interface PushOptions {
	/** owner/name; made where it is not there yet. */
	readonly repo: string;
	/** Whether a repository that is made is seen by its owner only. */
	readonly private: boolean;
	readonly hub: HubSettings;
	readonly title: string;
}

const REPO = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;

/** What cannot be pushed, told before anything is fetched. @throws INVALID_REQUEST, UNAUTHENTICATED without a token of the hub's form */
export function checkPush({ repo, hub }: Pick<PushOptions, "repo" | "hub">): void {
	if (!REPO.test(repo))
		throw new DakError("INVALID_REQUEST", `found repository ${JSON.stringify(repo.slice(0, 200))}, allowed: owner/name`);
	if (!hub.token?.startsWith("hf_"))
		throw new DakError(
			"UNAUTHENTICATED",
			`found ${hub.token === undefined ? "no HF_TOKEN" : "an HF_TOKEN that does not begin with hf_"}; pushing needs one that may write`,
		);
}

/** @returns the repository's address · @throws as `checkPush` does, PERMISSION_DENIED or UNAVAILABLE with the hub's answer */
export async function pushFolder(folder: string, options: PushOptions): Promise<string> {
	checkPush(options);
	const { repo, hub, title } = options;
	const target = { repo: { type: "model", name: repo }, hubUrl: hub.endpoint.replace(/\/+$/, ""), accessToken: hub.token! } as const;
	const paths = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	const files = paths.map(({ parentPath, name }) => {
		const path = join(parentPath, name);
		return { path: path.slice(folder.length + 1).replaceAll("\\", "/"), content: pathToFileURL(path) };
	});
	try {
		await createRepo({ ...target, visibility: options.private ? "private" : "public" }).catch(unlessThere);
		await uploadFiles({ ...target, files, commitTitle: title });
	} catch (cause) {
		throw refusal(repo, hub, cause);
	}
	return `${target.hubUrl}/${repo}`;
}

/** A repository that is there already is written to. */
function unlessThere(error: unknown): void {
	if (!(error instanceof HubApiError && error.statusCode === 409)) throw error;
}

/** The token is never part of it. */
function refusal(repo: string, { endpoint }: HubSettings, cause: unknown): DakError {
	if (!(cause instanceof HubApiError))
		return new DakError("UNAVAILABLE", `${repo}: ${endpoint} could not be written to: ${(cause as Error).message}`, { cause });
	const denied = cause.statusCode === 401 || cause.statusCode === 403;
	const why = denied ? "; the token in HF_TOKEN may not write there" : "";
	return new DakError(denied ? "PERMISSION_DENIED" : "UNAVAILABLE", `${repo}: ${endpoint} answered ${cause.statusCode}${why}`, { cause });
}
