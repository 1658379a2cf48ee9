import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Job, JobService } from "../jobs/index.js";
import { scratchFolder } from "../testing/index.js";
import { newJob } from "../testing/store-conformance.js";
import { Publication } from "./publication.js";

test("a report that cannot be written leaves nothing of itself", async () => {
	const folder = scratchFolder();
	const [outputDir, reportsRoot] = [join(folder, "output"), join(folder, "reports")];
	for (const each of [outputDir, reportsRoot]) mkdirSync(each);
	writeFileSync(join(outputDir, "report.json"), "{}");
	const job: Job = newJob({ attempt: 1 });
	// Nothing can be written there.
	symlinkSync("/dev/full", join(reportsRoot, `${job.id}.json.partial`));
	const jobs = { move: async () => job, record: async () => {} } as unknown as JobService;
	const publication = new Publication({ jobs, store: {} as never, reportsRoot });
	await expect(publication.publish(job, outputDir)).rejects.toThrow();
	expect(readdirSync(reportsRoot)).toEqual([]);
});
