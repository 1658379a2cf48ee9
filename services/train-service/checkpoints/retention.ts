/** How long checkpoints of jobs lie about that have ended: a cancelled or failed one may be gone on from for some days. */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

export const KEPT_MS = 7 * 86_400_000;

/** Removes the checkpoints that `wanted` says no to, and those that have not been written to for a week. `wanted`: "always" while a job may still run. */
export async function sweepCheckpoints(
	root: string,
	wanted: (jobId: string) => Promise<"always" | "for a while" | "no">,
	now = Date.now(),
): Promise<void> {
	if (!existsSync(root)) return;
	for (const id of readdirSync(root)) {
		const folder = join(root, id);
		const want = await wanted(id);
		if (want === "always") continue;
		// Another node may have been faster.
		const age = now - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? now);
		if (want === "no" || age > KEPT_MS) rmSync(folder, { recursive: true, force: true });
	}
}
