/** SIGTERM while requests come from all sides: what was accepted is answered, what was not is told so, and the process ends with 0. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type EntryPoint, entryPoint } from "@dak/shared/runtime";
import { expect, test, vi } from "vitest";
import { type JobJson, scratchFolder } from "../../services/train-service/testing/index.js";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";
import { spawnService } from "../../services/train-service/testing/spawn-service.js";

// On machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const EMBED = entryPoint(new URL("../../services/embed-service/index.ts", import.meta.url).href, "main");
const TRAIN = entryPoint(new URL("../../services/train-service/index.ts", import.meta.url).href, "main");
const STEPS = 800;
/** Both services break off what has not ended by then. */
const DRAIN_MS = 10_000;

/** A status, or the code of a connection that failed. */
type Outcome = number | string;

/** Asks again and again, over connections that are kept, until the service is no longer there. */
class Load {
	readonly outcomes: Outcome[] = [];
	/** Of answers that did what was asked, and of refusals. */
	readonly done: string[] = [];
	readonly refused: string[] = [];
	readonly #agent = new Agent({ keepAlive: true });
	readonly #clients: Promise<void>[];

	constructor(
		private readonly url: string,
		clients: number,
		private readonly bodyOf: (i: number) => unknown,
	) {
		this.#clients = Array.from({ length: clients }, (_, i) => this.#client(i, clients));
	}

	async end(): Promise<Record<Outcome, number>> {
		await Promise.all(this.#clients);
		this.#agent.destroy();
		const counts: Record<Outcome, number> = {};
		for (const outcome of this.outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
		return counts;
	}

	async #client(first: number, clients: number): Promise<void> {
		for (let i = first; ; i += clients) {
			const outcome = await this.#ask(i);
			this.outcomes.push(outcome);
			if (outcome === "ECONNREFUSED") return;
			// As a client would that is told to come later, only sooner.
			if (outcome !== 200 && outcome !== 202) await sleep(50);
		}
	}

	#ask(i: number): Promise<Outcome> {
		return new Promise((resolve) => {
			const options = { agent: this.#agent, method: "POST", headers: { "content-type": "application/json" } };
			const sent = request(this.url, options, (response) => {
				const pieces: Buffer[] = [];
				response.on("data", (piece: Buffer) => pieces.push(piece));
				response.on("error", () => resolve("cut off"));
				response.on("end", () => {
					(response.statusCode! < 300 ? this.done : this.refused).push(Buffer.concat(pieces).toString());
					resolve(response.statusCode!);
				});
			});
			sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
			sent.end(JSON.stringify(this.bodyOf(i)));
		});
	}
}

/** A service whose log is kept. */
async function startLogged(entry: EntryPoint, folder: string, environment: Record<string, string>) {
	const file = join(folder, "log");
	const toFile = ["sh", "-c", 'exec "$@" 2>"$0"', file];
	const all = { DAK_MODELS_DIR: join(folder, "models"), DAK_LOG_LEVEL: "info", DAK_THREADS: "1", ...environment };
	const service = await spawnService(entry, join(folder, "data"), all, toFile);
	/** Statuses of requests to a route, as the service saw them: 499 where the answer did not get out. */
	const seen = (route: string): Record<number, number> => {
		const counts: Record<number, number> = {};
		for (const line of readFileSync(file, "utf8").trim().split("\n")) {
			const { msg, route: asked, status } = JSON.parse(line) as { msg: string; route?: string; status?: number };
			if (msg === "request" && asked === route) counts[status!] = (counts[status!] ?? 0) + 1;
		}
		return counts;
	};
	return { ...service, seen };
}

const report = (counts: object) => console.info(JSON.stringify(counts));

test("embed-service: what was accepted is answered, and the rest refused", async () => {
	const folder = scratchFolder();
	writeSmallBase(join(folder, "models", "small"));
	const environment = { DAK_BASE_MODEL: "small", DAK_DEVICE: "cpu", DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" };
	const service = await startLogged(EMBED, folder, environment);
	const load = new Load(`${service.client.url}/embed`, 64, (i) => ({ inputs: SMALL_TEXTS[i % SMALL_TEXTS.length] }));
	await vi.waitFor(() => expect(load.outcomes.length).toBeGreaterThan(1000), { timeout: 60_000 });
	const told = performance.now();
	service.process.kill("SIGTERM");
	expect(await service.ended).toBe(0);
	expect(performance.now() - told).toBeLessThan(DRAIN_MS);
	const outcomes = await load.end();
	report({ requests: load.outcomes.length, outcomes });
	const { ECONNREFUSED, ...answered } = outcomes;
	expect(ECONNREFUSED).toBe(64);
	// None was cut off: what the service saw is what its clients got.
	expect(answered).toEqual(service.seen("/embed"));
	expect(Object.keys(answered).filter((status) => !["200", "503"].includes(status))).toEqual([]);
	for (const body of load.refused) expect(JSON.parse(body)).toMatchObject({ error_type: "Unhealthy" });
});

test("train-service: each job that was taken is there afterwards, and the one that trained comes out the same", async () => {
	const folder = scratchFolder();
	writeSmallBase(join(folder, "models", "small"));
	const start = () => startLogged(TRAIN, folder, {});
	const first = await start();
	const dataset = { texts: SMALL_TEXTS };
	const job = {
		base_model: "small",
		dataset,
		max_length: 16,
		lora: { r: 4 },
		training: { max_steps: STEPS, batch_size: 4, learning_rate: 1e-2 },
		publish: "always",
	};
	const running = await first.client.create(job);
	for await (const { data } of first.client.events(running.id)) if ((data.step as number) >= 10) break;
	const load = new Load(`${first.client.url}/v1/jobs`, 16, () => job);
	await vi.waitFor(() => expect(load.outcomes.length).toBeGreaterThan(16), { timeout: 60_000 });
	expect((await first.client.get(running.id)).state).toBe("training");
	const told = performance.now();
	first.process.kill("SIGTERM");
	expect(await first.ended).toBe(0);
	expect(performance.now() - told).toBeLessThan(DRAIN_MS);
	const outcomes = await load.end();
	report({ requests: load.outcomes.length, outcomes });
	const { ECONNREFUSED, ...answered } = outcomes;
	expect(ECONNREFUSED).toBe(16);
	// The one that trains was submitted as well.
	expect({ ...answered, 202: answered[202]! + 1 }).toEqual(first.seen("/v1/jobs"));
	for (const body of load.refused) expect(JSON.parse(body)).toMatchObject({ reason: "DRAINING" });

	const { client } = await start();
	const acknowledged = load.done.map((body) => (JSON.parse(body) as JobJson).id);
	for (const id of acknowledged) expect((await client.get(id)).state).toBe("queued");
	for (const id of acknowledged.slice(1)) expect((await client.cancel(id)).status).toBe(202);
	const [interrupted, whole] = [
		await client.until(running.id, "succeeded", "failed"),
		await client.until(acknowledged[0]!, "succeeded", "failed"),
	];
	expect(interrupted, JSON.stringify(interrupted.error)).toMatchObject({ state: "succeeded", restarts: 1 });
	const [a, b] = [interrupted, whole].map(({ adapter_path }) =>
		createHash("sha256")
			.update(readFileSync(join(folder, "data", "artifacts", adapter_path!, "adapter_model.safetensors")))
			.digest("hex"),
	);
	expect(a).toBe(b);
});
