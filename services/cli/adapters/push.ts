/** An output of a job, brought from the service and put into a repository of the hub with the caller's own token. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPush, pushFolder } from "@dak/shared/models";
import type { Cli, Connection } from "../command/index.js";
import { type Format, fetchOutput, jobOfAdapter } from "./fetch.js";

export type PushOptions = Connection & { readonly json?: true; readonly repo: string; readonly public?: true; readonly format: Format };

/** @throws DakError as `checkPush`, `fetchOutput` and `pushFolder` do */
export async function pushOutput(cli: Cli, name: string, { repo, format, ...options }: PushOptions): Promise<void> {
	const { HF_ENDPOINT: endpoint, HF_TOKEN: token } = cli.config;
	const hub = { endpoint, token };
	checkPush({ repo, hub });
	const scratch = mkdtempSync(join(tmpdir(), "dak-push-"));
	try {
		const folder = join(scratch, "output");
		const { files, bytes } = await cli.withClient(options, async (dak) => fetchOutput(dak, await jobOfAdapter(dak, name), format, folder));
		const url = await pushFolder(folder, { repo, private: options.public !== true, hub, title: `Upload ${name} (${format})` });
		if (options.json) cli.json({ adapter: name, format, url, files, bytes });
		else cli.out.line(`${url}: ${files} files`);
	} finally {
		rmSync(scratch, { recursive: true, force: true });
	}
}
