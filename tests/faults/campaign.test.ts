/** A short campaign of faults over two nodes; tests/faults/main.ts runs long ones. */
import { expect, test } from "vitest";
import { redisProgram } from "../../services/train-service/testing/redis-server.js";
import { runCampaign } from "./campaign.js";

// Minutes of two processors: run where it is asked for.
test.skipIf(!redisProgram || !process.env.DAK_TEST_FAULTS)(
	"each kind of fault once, at moments of chance: nothing that was acknowledged is lost, nothing that comes out is wrong",
	async () => {
		const seed = Number(process.env.DAK_TEST_SEED ?? Date.now() % 2 ** 31);
		const lines: string[] = [];
		const report = await runCampaign({ nodes: 2, jobs: 4, faults: 7, seed, pauseMs: 2000, log: (line) => lines.push(line) });
		const told = [...lines, JSON.stringify(report)].join("\n");
		expect(report, told).toMatchObject({
			jobs_acknowledged: 4,
			jobs_lost: 0,
			adapters_different: 0,
			wrong_vectors: 0,
			event_streams_broken: 0,
		});
		expect(report.vectors_checked, told).toBeGreaterThan(0);
		expect(report.faults_injected, told).toMatchObject({ node_killed: 1, redis_killed: 1 });
	},
	600_000,
);
