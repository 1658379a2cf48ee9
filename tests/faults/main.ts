/**
 * The campaign by hand, over the services as built; counts as JSON on stdout, and the exit code 1 where something was lost or wrong.
 *
 *     npx tsx --conditions=@dak/source tests/faults/main.ts --nodes 3 --jobs 20 --faults 100 --seed 1
 */
import { parseArgs } from "node:util";

const { values } = parseArgs({
	options: {
		nodes: { type: "string", default: "3" },
		jobs: { type: "string", default: "12" },
		faults: { type: "string", default: "60" },
		seed: { type: "string", default: "1" },
		"pause-ms": { type: "string", default: "4000" },
		redis: { type: "string", default: "redis-server" },
	},
});
process.env.DAK_TEST_REDIS ??= values.redis;
const { runCampaign } = await import("./campaign.js");
const report = await runCampaign({
	nodes: Number(values.nodes),
	jobs: Number(values.jobs),
	faults: Number(values.faults),
	seed: Number(values.seed),
	pauseMs: Number(values["pause-ms"]),
	log: (line) => console.error(line),
});
console.log(JSON.stringify(report, null, "\t"));
const bad = report.jobs_lost + report.adapters_different + report.wrong_vectors + report.event_streams_broken;
process.exit(bad === 0 ? 0 : 1);
