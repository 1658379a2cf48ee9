/**
 * Asks a real Prometheus, which scrapes both services through a real run, every query of every dashboard and alert, and tells which had
 * an answer:  node --import tsx --conditions @dak/source tests/interop/check-dashboards.ts [PROMETHEUS, prometheus] [PORT, 9190]
 * Prints JSON; ends with 1 where Prometheus refuses a query, or a panel of what every machine has stays empty.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { EmbedService } from "@dak/shared/proto";
import { createGrpcClient } from "@dak/shared/server";
import { trainingProcess } from "@dak/train-service/training";
import { SMALL_TEXTS } from "../../services/train-service/testing/small-base.js";
import { startBoth } from "../fuzz/services.js";

const [program = "prometheus", port = "9190"] = process.argv.slice(2);
const DEPLOY = join(import.meta.dirname, "../../deploy");
const PROMETHEUS = `http://127.0.0.1:${port}`;
const LONGEST_MS = 300_000;
const LAST_MS = 20_000;

interface Panel {
	readonly title: string;
	readonly targets?: readonly { readonly expr: string }[];
}

const folder = mkdtempSync(join(tmpdir(), "dak-prometheus-"));
const { train, embed, stop } = await startBoth({}, trainingProcess());
const targets = (name: string, { restPort }: { restPort: number }) =>
	`  - { job_name: ${name}, static_configs: [{ targets: ["127.0.0.1:${restPort}"] }] }\n`;
writeFileSync(
	join(folder, "prometheus.yml"),
	`global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [${JSON.stringify(join(DEPLOY, "prometheus/alerts.yml"))}]\nscrape_configs:\n${targets("train-service", train)}${targets("embed-service", embed)}`,
);
const prometheus = spawn(
	program,
	[
		`--config.file=${join(folder, "prometheus.yml")}`,
		`--storage.tsdb.path=${join(folder, "data")}`,
		`--web.listen-address=127.0.0.1:${port}`,
	],
	{ stdio: ["ignore", "ignore", "ignore"] },
);

const post = (url: string, body: unknown) =>
	fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then((response) =>
		response.text(),
	);

/** Jobs that end, one that still trains; requests that are answered and refused, over both protocols. */
async function work(): Promise<void> {
	const [t, e] = [`http://127.0.0.1:${train.restPort}`, `http://127.0.0.1:${embed.restPort}`];
	const client = createGrpcClient(EmbedService, `127.0.0.1:${embed.grpcPort}`);
	const steps = [5, 5, 100_000];
	for (const [i, max_steps] of steps.entries()) {
		const job = {
			base_model: "small",
			adapter_name: `run-${i}`,
			training: { max_steps, batch_size: 4 },
			dataset: { texts: SMALL_TEXTS },
		};
		await post(`${t}/v1/jobs`, job);
	}
	for (let end = Date.now() + LONGEST_MS, last = false; Date.now() < end; await pause(200)) {
		await post(`${e}/embed`, { inputs: SMALL_TEXTS.slice(0, 8) });
		await post(`${e}/embed`, { inputs: ["red hat"], adapter: "nobody" });
		await post(`${e}/embed`, { inputs: ["red hat"], adapter: "run-0" });
		await client.embed({ inputs: ["red hat"] });
		// Once the last job trains, a little longer, so that all of it is within the last minute.
		const { jobs } = JSON.parse(await (await fetch(`${t}/v1/jobs?state=training`)).text()) as {
			jobs: { spec: { adapter_name: string } }[];
		};
		if (last || !jobs.some(({ spec }) => spec.adapter_name === "run-2")) continue;
		last = true;
		end = Date.now() + LAST_MS;
	}
	client.close();
}

/** What Prometheus answers: how many series. @throws where it refuses the query */
async function ask(expression: string): Promise<number> {
	const filled = expression
		.replaceAll(/\$(instance|adapter)/g, ".*")
		.replaceAll("$__rate_interval", "1m")
		.replaceAll("$__range", "1m")
		.replaceAll("$__interval", "15s");
	const response = await fetch(`${PROMETHEUS}/api/v1/query?${new URLSearchParams({ query: filled })}`);
	const answer = (await response.json()) as { status: string; error?: string; data?: { result: unknown[] } };
	if (answer.status !== "success") throw new Error(`${answer.error}: ${filled}`);
	return answer.data!.result.length;
}

try {
	await work();
	const panels = readdirSync(join(DEPLOY, "grafana/dashboards")).flatMap((file) =>
		(JSON.parse(readFileSync(join(DEPLOY, "grafana/dashboards", file), "utf8")) as { panels: Panel[] }).panels.flatMap(
			({ title, targets = [] }) => targets.map(({ expr }) => ({ file, title, expr })),
		),
	);
	const empty: string[] = [];
	for (const { file, title, expr } of panels) if ((await ask(expr)) === 0) empty.push(`${file}: ${title}: ${expr}`);
	const { data } = (await (await fetch(`${PROMETHEUS}/api/v1/rules`)).json()) as {
		data: { groups: { rules: { name: string; health: string; state: string }[] }[] };
	};
	const rules = data.groups.flatMap((group) => group.rules);
	const unhealthy = rules.filter(({ health }) => health !== "ok").map(({ name }) => name);
	const unexpected = empty.filter((each) => !/gpu|evictions|nvidia/i.test(each));
	console.log(
		JSON.stringify({
			queries: panels.length,
			empty,
			rules: rules.length,
			unhealthy,
			firing: rules.filter(({ state }) => state === "firing").map(({ name }) => name),
		}),
	);
	process.exitCode = unexpected.length + unhealthy.length === 0 ? 0 : 1;
} finally {
	prometheus.kill();
	await stop();
	rmSync(folder, { recursive: true, force: true });
}
process.exit();
